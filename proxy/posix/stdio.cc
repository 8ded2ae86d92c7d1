#include "proxy/posix/stdio.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "common/base/text.h"
#include "proxy/posix/fd.h"

namespace proxy {

using subunit::error;
using subunit::Result;

namespace {

constexpr int kFirstPrivateFd = 3;

/// A pipe or terminal opened once more has flags of its own. Nothing if that is not allowed (the
/// pipe of another user) or not possible (a socket).
Fd open_afresh(int fd, int mode) {
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !(S_ISFIFO(status.st_mode) || ::isatty(fd))) return {};
  const std::string path = fmt::format("/proc/self/fd/{}", fd);
  Fd fresh(::open(path.c_str(), mode | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (fresh && fresh.get() < kFirstPrivateFd)
    return Fd(::fcntl(fresh.get(), F_DUPFD_CLOEXEC, kFirstPrivateFd));
  return fresh;
}

Fd duplicate_private(int fd) {
  return Fd(::fcntl(fd, F_DUPFD_CLOEXEC, kFirstPrivateFd));
}

Result<> replace(int fd, int substitute) {
  if (::dup2(substitute, fd) == fd) return {};
  return error("cannot replace descriptor {}: {}", fd, std::strerror(errno));
}

Result<> leave_stdin() {
  const Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  return replace(STDIN_FILENO, null.get());
}

Result<> leave_stdout() {
  return replace(STDOUT_FILENO, STDERR_FILENO);
}

// What one channel, or one test server, takes beside what a command takes for itself.
constexpr std::size_t kNeededDescriptors = 24;

}  // namespace

void open_standard_descriptors() {
  constexpr std::array kModes{O_WRONLY, O_RDONLY, O_RDWR};
  for (int fd = 0; fd < kFirstPrivateFd; ++fd) {
    // This gets the lowest number that is free.
    if (::fcntl(fd, F_GETFD) < 0) [[maybe_unused]]
      const int opened = ::open("/dev/null", kModes[fd]);
  }
}

Result<> check_free_descriptors() {
  std::vector<Fd> free(kNeededDescriptors);
  for (Fd& each : free) {
    each = proxy::duplicate(STDERR_FILENO);
    if (!each)
      return error("cannot open {} more files: {} (ulimit -n)", free.size(), std::strerror(errno));
  }
  return {};
}

void hide_from_tests() {
  if (!std::getenv("SUBUNIT_PROXY_DUMPABLE")) ::prctl(PR_SET_DUMPABLE, 0);
}

Result<PrivateStream> PrivateStream::take_stdin() {
  auto stream = take(0, O_RDONLY);
  if (auto replaced = leave_stdin(); !replaced) return tl::unexpected(replaced.error());
  return stream;
}

Result<PrivateStream> PrivateStream::take_stdout() {
  auto stream = take(1, O_WRONLY);
  if (auto replaced = leave_stdout(); !replaced) return tl::unexpected(replaced.error());
  return stream;
}

Result<PrivateStream> PrivateStream::take(int fd, int mode) {
  PrivateStream stream;
  stream.fd_ = open_afresh(fd, mode);
  if (!stream.fd_) {
    stream.fd_ = duplicate_private(fd);
    if (!stream.fd_) return error("cannot duplicate descriptor {}: {}", fd, std::strerror(errno));
    stream.flags_to_restore_ = ::fcntl(fd, F_GETFL);
  }
  ::fcntl(stream.fd_.get(), F_SETPIPE_SZ, kPipeCapacity);  // a smaller one works too
  return stream;
}

PrivateStream::~PrivateStream() {
  if (fd_ && flags_to_restore_ >= 0) ::fcntl(fd_.get(), F_SETFL, flags_to_restore_);
}

Fd PrivateStream::duplicate() const {
  return duplicate_private(fd_.get());
}

Result<> leave_standard_streams() {
  if (auto left = leave_stdin(); !left) return left;
  return leave_stdout();
}

Result<> notify_fd(int fd, std::string_view address) {
  const Fd ready(fd);
  const std::string line = fmt::format("READY {}\n", address);
  pollfd writable{.fd = fd, .events = POLLOUT, .revents = 0};
  if (::poll(&writable, 1, 0) == 0)
    return error("cannot write READY to descriptor {}: nobody reads it", fd);
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
    return error("cannot notify \"{}\" (NOTIFY_SOCKET): it is not a socket's path",
                 subunit::escaped(path));
  path.copy(address.sun_path, path.size());
  if (path[0] == '@') address.sun_path[0] = '\0';  // the abstract namespace (unix(7))

  const Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  constexpr std::string_view kReady = "READY=1";
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  if (::sendto(socket.get(), kReady.data(), kReady.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
               reinterpret_cast<const sockaddr*>(&address), size) < 0)
    return error("cannot notify \"{}\" (NOTIFY_SOCKET): {}", subunit::escaped(path),
                 std::strerror(errno));
  return {};
}

}  // namespace proxy
