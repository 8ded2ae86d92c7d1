#include "proxy/native/settling.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <thread>
#include <utility>

#include "proxy/native/include/subunit-proxy/settle.h"

namespace proxy::native {

namespace {

// A proxy that waits for output reads it within this.
constexpr auto kLookInterval = std::chrono::microseconds(20);
constexpr auto kReadTimeout = std::chrono::seconds(1);
// Away from the numbers that tests close or expect.
constexpr int kFirstDescriptor = 200;

Fd high_duplicate(int fd) {
  const int high = ::fcntl(fd, F_DUPFD_CLOEXEC, kFirstDescriptor);
  return high >= 0 ? Fd(high) : duplicate(fd);
}

/// Bytes that the peer of a unix socket has not read yet.
int unsent(int connection) {
  int family = 0;
  socklen_t size = sizeof family;
  int count = 0;
  return ::getsockopt(connection, SOL_SOCKET, SO_DOMAIN, &family, &size) == 0 &&
                 family == AF_UNIX && ::ioctl(connection, TIOCOUTQ, &count) == 0
             ? count
             : 0;
}

}  // namespace

void flush_output() {
  subunit::settling::flush_output();
}

OutputPipes::OutputPipes() {
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
    if (!subunit::settling::is_pipe(fd)) continue;
    if (Fd pipe = high_duplicate(fd)) pipes_.push_back(std::move(pipe));
  }
}

void OutputPipes::settle() const {
  flush_output();
  for (const Fd& pipe : pipes_) subunit::settling::wait_until_read(pipe.get());
}

void wait_until_proxy_has_read(int connection) {
  const auto end = std::chrono::steady_clock::now() + kReadTimeout;
  while (unsent(connection) > 0 && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(kLookInterval);
}

}  // namespace proxy::native
