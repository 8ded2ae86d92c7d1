#include "proxy/posix/notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include "common/base/text.h"
#include "proxy/posix/fd.h"

namespace proxy {

using subunit::error;
using subunit::Result;

Result<> notify_fd(int fd, std::string_view address) {
  const Fd ready(fd);
  const std::string line = fmt::format("READY {}\n", address);
  if (::write(ready.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size()))
    return {};
  return error("cannot write READY to descriptor {}: {}", fd, std::strerror(errno));
}

Result<> notify_service_manager() {
  const char* variable = std::getenv("NOTIFY_SOCKET");
  if (!variable) return {};
  const std::string path = variable;
  ::unsetenv("NOTIFY_SOCKET");

  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() < 2 || path.size() >= sizeof address.sun_path ||
      (path[0] != '/' && path[0] != '@'))
    return error("cannot notify \"{}\" (NOTIFY_SOCKET): it is no socket's path",
                 subunit::escaped(path));
  path.copy(address.sun_path, path.size());
  if (path[0] == '@') address.sun_path[0] = '\0';  // the abstract namespace (unix(7))

  const Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  constexpr std::string_view kReady = "READY=1";
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  if (::sendto(socket.get(), kReady.data(), kReady.size(), MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&address), size) < 0)
    return error("cannot notify \"{}\" (NOTIFY_SOCKET): {}", subunit::escaped(path),
                 std::strerror(errno));
  return {};
}

}  // namespace proxy
