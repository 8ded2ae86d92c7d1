#include "proxy/posix/read_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/base/text.h"
#include "proxy/posix/fd.h"

namespace proxy {

using subunit::error;
using subunit::escaped;
using subunit::Result;

Result<std::string> read_file(const char* what, const std::string& path, std::size_t most) {
  constexpr std::size_t kPiece = 1 << 16;
  const Fd fd(path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  ssize_t size = fd ? 1 : -1;
  std::string text;
  while (size > 0) {
    const std::size_t before = text.size();
    text.resize(before + kPiece);
    do size = ::read(fd.get(), text.data() + before, kPiece);
    while (size < 0 && errno == EINTR);
    text.resize(before + static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    if (text.size() > most)
      return error("{} \"{}\" has more than {} bytes", what, escaped(path), most);
  }
  if (size < 0)
    return error("cannot read {} \"{}\": {}", what, escaped(path), std::strerror(errno));
  return text;
}

}  // namespace proxy
