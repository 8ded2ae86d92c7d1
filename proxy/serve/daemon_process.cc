#include "proxy/serve/daemon_process.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <new>

#include "proxy/posix/stdio.h"

namespace proxy {

using subunit::error;
using subunit::Result;

void DaemonProcess::Unmap::operator()(SharedFlag* shared) const {
  ::munmap(shared, sizeof *shared);
}

Result<DaemonProcess> DaemonProcess::fork() {
  auto to_daemon = Pipe::create();
  if (!to_daemon) return tl::unexpected(to_daemon.error());
  auto from_daemon = Pipe::create();
  if (!from_daemon) return tl::unexpected(from_daemon.error());
  static_assert(SharedFlag::is_always_lock_free);
  void* const memory = ::mmap(nullptr, sizeof(SharedFlag), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return error("cannot share memory: {}", std::strerror(errno));
  DaemonProcess both(Shared(new (memory) SharedFlag(1)));

  // Whoever started this may have had it ignored: then nobody could wait for a process.
  std::signal(SIGCHLD, SIG_DFL);
  both.pid_ = ::fork();
  if (both.pid_ < 0) return error("cannot start a process: {}", std::strerror(errno));
  if (!both.inside()) {
    both.payload_ = {std::move(from_daemon->read_end), std::move(to_daemon->write_end)};
    return both;
  }
  ::setsid();
  ::unsetenv("NOTIFY_SOCKET");
  if (auto left = leave_standard_streams(); !left) return tl::unexpected(left.error());
  both.payload_ = {std::move(to_daemon->read_end), std::move(from_daemon->write_end)};
  return both;
}

bool DaemonProcess::wait_for_word() const {
  pollfd readable{.fd = payload_.in.get(), .events = POLLIN, .revents = 0};
  while (::poll(&readable, 1, -1) < 0 && errno == EINTR) {
  }
  return (readable.revents & POLLIN) != 0;
}

void DaemonProcess::send(int signal) const {
  if (!ending_) ::kill(pid_, signal);
}

bool DaemonProcess::ended() {
  return ending_ || reap(WNOHANG);
}

Ending DaemonProcess::wait() {
  while (!ending_ && !reap(0)) {
  }
  return *ending_;
}

/// False if it goes on, or something else has ended the wait.
bool DaemonProcess::reap(int options) {
  int status = 0;
  const pid_t reaped = ::waitpid(pid_, &status, options);
  if (reaped != pid_) return false;
  ending_ = WIFSIGNALED(status) ? Ending{{}, WTERMSIG(status)} : Ending{WEXITSTATUS(status), {}};
  return true;
}

}  // namespace proxy
