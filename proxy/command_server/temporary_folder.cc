#include "proxy/command_server/temporary_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "common/base/text.h"
#include "proxy/posix/fd.h"
#include "proxy/posix/folder.h"

namespace proxy {

using subunit::error;
using subunit::Result;

Result<TemporaryFolder> TemporaryFolder::create() {
  const char* const variable = std::getenv("TMPDIR");
  const std::string place = variable && *variable ? variable : "/tmp";
  std::string path = place + "/subunit-proxy-XXXXXX";  // as mkdtemp(3) wants it
  if (!::mkdtemp(path.data()))
    return error(
        "cannot make a folder for lists of tests in \"{}\": {} (set TMPDIR to use another folder)",
        subunit::escaped(place), std::strerror(errno));
  return TemporaryFolder(std::move(path));
}

TemporaryFolder::~TemporaryFolder() {
  if (!path_.empty()) remove_folder(path_);
}

Result<std::string> TemporaryFolder::write(std::string_view name, std::string_view content) const {
  std::string path = fmt::format("{}/{}", path_, name);
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  while (fd && !content.empty()) {
    const ssize_t size = ::write(fd.get(), content.data(), content.size());
    if (size < 0) break;
    content.remove_prefix(static_cast<std::size_t>(size));
  }
  if (!fd || !content.empty()) return error("cannot write {}: {}", path, std::strerror(errno));
  return path;
}

}  // namespace proxy
