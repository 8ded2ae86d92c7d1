#include "proxy/posix/output_file.h"

#include <poll.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "common/base/text.h"

namespace proxy {

using subunit::error;
using subunit::Result;

namespace {

// A shell starts both ends of a named pipe at once.
constexpr auto kReaderTimeout = std::chrono::seconds(2);
constexpr int kReaderPoll = 20;  // milliseconds

bool is_named_pipe(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISFIFO(status.st_mode);
}

}  // namespace

Result<Fd> open_output(const char* what, const std::string& path) {
  const auto end = std::chrono::steady_clock::now() + kReaderTimeout;
  for (;;) {
    // Without O_NONBLOCK, this would wait for the reader of a named pipe.
    Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
                 0666));
    if (fd) return fd;
    const int why = errno;
    const bool unread = why == ENXIO && is_named_pipe(path);
    if (unread && std::chrono::steady_clock::now() < end) {
      ::poll(nullptr, 0, kReaderPoll);
      continue;
    }
    return error(
        "cannot write {} \"{}\": {}", what, subunit::escaped(path),
        unread ? "it is a named pipe, and nobody has opened it for reading" : std::strerror(why));
  }
}

}  // namespace proxy
