#ifndef SUBUNIT_PROXY_SETTLE_H
#define SUBUNIT_PROXY_SETTLE_H

// For the authors of test servers, in C++14 or later; nothing has to be linked.

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

namespace subunit {

namespace settling {

/// Flushes stdout and stderr, those of C and of C++.
inline void flush_output() {
  std::cout.flush();
  std::cerr.flush();
  std::clog.flush();
  // Not all files of C: that would wait for a thread that reads from one.
  std::fflush(stdout);
  std::fflush(stderr);
}

inline bool is_pipe(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode);
}

inline int unread(int pipe) {
  int size = 0;
  return ::ioctl(pipe, FIONREAD, &size) == 0 ? size : 0;
}

inline bool has_reader(int pipe) {
  struct pollfd state {};
  state.fd = pipe;
  return ::poll(&state, 1, 0) == 0;  // POLLERR: the other end is closed (poll(2))
}

/// Returns once as much has been read as was in the pipe at the start, or nobody has its other end
/// any more. What others write meanwhile can only make this wait longer.
inline void wait_until_read(int pipe) {
  constexpr useconds_t look_interval = 20;  // a proxy that waits for output reads it within this
  int before = unread(pipe);
  int left = before;
  while (left > 0 && before > 0 && has_reader(pipe)) {
    ::usleep(look_interval);
    const int now = unread(pipe);
    if (now < before) left -= before - now;
    before = now;
  }
}

}  // namespace settling

/// Flushes stdout and stderr, and returns once the proxy has read what this process has printed, as
/// far as these are pipes. A server that calls it before each packet that starts or ends a test,
/// and says "output":"settled" in its Hello, has the output of each test under that test
/// (PROTOCOL.md, section "What the tests print"). Only for a server that a proxy has started: it
/// reads these pipes.
inline void settle() {
  settling::flush_output();
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO})
    if (settling::is_pipe(fd)) settling::wait_until_read(fd);
}

}  // namespace subunit

#endif
