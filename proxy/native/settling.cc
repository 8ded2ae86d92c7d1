#include "proxy/native/settling.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <iostream>
#include <thread>
#include <utility>

namespace proxy::native {

namespace {

// A proxy that waits for output reads it within this.
constexpr auto kLookInterval = std::chrono::microseconds(20);
// Away from the numbers that tests close or expect.
constexpr int kFirstDescriptor = 200;

bool is_pipe(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode);
}

Fd high_duplicate(int fd) {
  const int high = ::fcntl(fd, F_DUPFD_CLOEXEC, kFirstDescriptor);
  return high >= 0 ? Fd(high) : duplicate(fd);
}

int unread(int pipe) {
  int size = 0;
  return ::ioctl(pipe, FIONREAD, &size) == 0 ? size : 0;
}

bool has_reader(int pipe) {
  pollfd state{.fd = pipe, .events = 0, .revents = 0};
  return ::poll(&state, 1, 0) == 0;  // POLLERR: the other end is closed (poll(2))
}

/// Until as much has been read as was in the pipe at the start. What others write meanwhile can
/// only make this wait longer.
void wait_until_read(int pipe) {
  int before = unread(pipe);
  int left = before;
  while (left > 0 && before > 0 && has_reader(pipe)) {
    std::this_thread::sleep_for(kLookInterval);
    const int now = unread(pipe);
    if (now < before) left -= before - now;
    before = now;
  }
}

}  // namespace

void flush_output() {
  std::cout.flush();
  std::cerr.flush();
  std::clog.flush();
  // Not all files of C: that would wait for a thread that reads from one.
  std::fflush(stdout);
  std::fflush(stderr);
}

OutputPipes::OutputPipes() {
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
    if (!is_pipe(fd)) continue;
    if (Fd pipe = high_duplicate(fd)) pipes_.push_back(std::move(pipe));
  }
}

void OutputPipes::settle() const {
  flush_output();
  for (const Fd& pipe : pipes_) wait_until_read(pipe.get());
}

}  // namespace proxy::native
