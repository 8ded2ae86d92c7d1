#include "proxy/terminal/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>

namespace proxy {

using subunit::error;
using subunit::Result;

namespace {

constexpr auto kDrainTimeout = std::chrono::seconds(1);
constexpr int kDrainStep = 10;            // milliseconds
constexpr std::size_t kMaxTerminals = 2;  // one to read, and perhaps another to write
constexpr std::size_t kSignalStack = 64 << 10;

/// What a signal handler puts back. It gets no argument of ours: this is why there is static state
/// here. `fd` is set last and cleared first.
struct Slot {
  std::atomic<int> fd = -1;
  termios before{};
  termios raw{};
};
std::array<Slot, kMaxTerminals> slots;
std::array<struct sigaction, NSIG> previous;  // by signal, where the handler is installed
std::array<bool, NSIG> installed;
static_assert(std::atomic<int>::is_always_lock_free);

/// Ends the process as the signal would have without this.
void restore_and_raise(int signal) {
  const int number = errno;
  // All signals are blocked here, SIGTTOU too: a process in the background may do this.
  for (const Slot& slot : slots) {
    if (const int fd = slot.fd; fd >= 0) ::tcsetattr(fd, TCSANOW, &slot.before);
  }
  ::sigaction(signal, &previous[signal], nullptr);
  ::raise(signal);
  errno = number;
}

bool ends_the_process(int signal) {
  constexpr std::array kHarmless{SIGKILL,  SIGSTOP, SIGCHLD, SIGCONT, SIGURG,
                                 SIGWINCH, SIGTSTP, SIGTTIN, SIGTTOU};
  return std::ranges::find(kHarmless, signal) == kHarmless.end();
}

/// Somebody may have a handler for these, to report the crash. It comes after ours.
bool is_crash(int signal) {
  constexpr std::array kCrashes{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
  return std::ranges::find(kCrashes, signal) != kCrashes.end();
}

/// A handler for an overflow of the stack needs another one.
void provide_signal_stack() {
  static std::array<char, kSignalStack> memory;
  stack_t stack{};
  if (::sigaltstack(nullptr, &stack) != 0 || !(stack.ss_flags & SS_DISABLE)) return;
  stack = {.ss_sp = memory.data(), .ss_flags = 0, .ss_size = memory.size()};
  ::sigaltstack(&stack, nullptr);
}

void install_handlers() {
  provide_signal_stack();
  struct sigaction action {};
  action.sa_handler = restore_and_raise;
  action.sa_flags = SA_ONSTACK;
  sigfillset(&action.sa_mask);
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction current {};
    if (installed[signal] || !ends_the_process(signal) ||
        ::sigaction(signal, nullptr, &current) != 0)
      continue;
    const bool is_ours =
        current.sa_handler == SIG_DFL || (is_crash(signal) && current.sa_handler != SIG_IGN);
    if (!is_ours) continue;
    previous[signal] = current;
    installed[signal] = ::sigaction(signal, &action, nullptr) == 0;
  }
}

void remove_handlers() {
  for (int signal = 1; signal < NSIG; ++signal) {
    if (!installed[signal]) continue;
    installed[signal] = false;
    struct sigaction current {};
    ::sigaction(signal, nullptr, &current);
    if (current.sa_handler == restore_and_raise) ::sigaction(signal, &previous[signal], nullptr);
  }
}

/// A process in the background is stopped for changing its terminal, unless it blocks that signal.
int set_from_anywhere(int fd, const termios& settings) {
  sigset_t stop, before;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTTOU);
  ::pthread_sigmask(SIG_BLOCK, &stop, &before);
  const int status = ::tcsetattr(fd, TCSANOW, &settings);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return status;
}

void drain(int fd) {
  const auto end = std::chrono::steady_clock::now() + kDrainTimeout;
  int waiting = 0;
  while (::ioctl(fd, TIOCOUTQ, &waiting) == 0 && waiting > 0 &&
         std::chrono::steady_clock::now() < end)
    ::poll(nullptr, 0, kDrainStep);
}

termios raw_of(termios settings, RawMode::Kind kind) {
  if (kind == RawMode::Kind::kKeys) {
    settings.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    settings.c_cc[VMIN] = 1;
    settings.c_cc[VTIME] = 0;
    return settings;
  }
  ::cfmakeraw(&settings);
  settings.c_iflag &= ~static_cast<tcflag_t>(IXOFF | IXANY);
  settings.c_cflag |= CREAD;
  settings.c_cc[VMIN] = 1;
  settings.c_cc[VTIME] = 0;
  return settings;
}

bool is_raw(const termios& now, const termios& raw) {
  return now.c_iflag == raw.c_iflag && now.c_oflag == raw.c_oflag && now.c_lflag == raw.c_lflag &&
         now.c_cc[VMIN] == raw.c_cc[VMIN] && now.c_cc[VTIME] == raw.c_cc[VTIME];
}

}  // namespace

Result<RawMode> RawMode::enter(int fd, Kind kind) {
  const auto refused = [] {
    return error("cannot change the mode of the terminal: {}", std::strerror(errno));
  };
  const auto slot = std::ranges::find_if(slots, [](const Slot& each) { return each.fd < 0; });
  if (slot == slots.end()) return error("more than {} terminals at a time", kMaxTerminals);
  Fd own = duplicate(fd);
  if (!own || ::tcgetattr(own.get(), &slot->before) != 0) return refused();
  slot->raw = raw_of(slot->before, kind);
  install_handlers();
  slot->fd = own.release();
  RawMode mode(static_cast<int>(slot - slots.begin()));
  // Here a process in the background is stopped, as it should be: others use the terminal now.
  if (::tcsetattr(slot->fd, TCSANOW, &slot->raw) != 0) return refused();
  return mode;
}

bool RawMode::reapply() {
  const Slot& slot = slots[slot_];
  termios now{};
  if (::tcgetattr(slot.fd, &now) != 0 || is_raw(now, slot.raw)) return false;
  return set_from_anywhere(slot.fd, slot.raw) == 0;
}

void RawMode::restore() {
  if (slot_ == kNone) return;
  Slot& slot = slots[std::exchange(slot_, kNone)];
  const int fd = slot.fd;
  drain(fd);
  ::tcflush(fd, TCIFLUSH);
  set_from_anywhere(fd, slot.before);
  slot.fd = -1;
  ::close(fd);
  if (std::ranges::all_of(slots, [](const Slot& each) { return each.fd < 0; })) remove_handlers();
}

bool is_in_foreground(int fd) {
  return ::tcgetpgrp(fd) == ::getpgrp();
}

bool is_same_terminal(int one, int other) {
  struct stat first {
  }, second{};
  return ::fstat(one, &first) == 0 && ::fstat(other, &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

using subunit::error;
using subunit::Result;

namespace {

winsize own_window() {
  winsize size{};
  for (const int fd : {0, 1, 2}) {
    if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) return size;
  }
  return {.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
}

bool make_raw(int fd, bool returns_end_lines) {
  termios settings{};
  if (::tcgetattr(fd, &settings) != 0) return false;
  ::cfmakeraw(&settings);
  if (returns_end_lines) settings.c_iflag |= ICRNL;
  return ::tcsetattr(fd, TCSANOW, &settings) == 0;
}

}  // namespace

Result<PseudoTerminal> PseudoTerminal::create(bool returns_end_lines) {
  PseudoTerminal pty;
  std::array<char, 128> path{};
  const auto opened = [&] {
    pty.master = Fd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!pty.master || ::grantpt(pty.master.get()) != 0 || ::unlockpt(pty.master.get()) != 0 ||
        ::ptsname_r(pty.master.get(), path.data(), path.size()) != 0)
      return false;
    pty.path = path.data();
    pty.command_side = Fd(::open(path.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    return pty.command_side && make_raw(pty.command_side.get(), returns_end_lines);
  };
  if (!opened()) return error("cannot make a pseudo-terminal: {}", std::strerror(errno));
  const winsize window = own_window();
  ::ioctl(pty.command_side.get(), TIOCSWINSZ, &window);
  return pty;
}

}  // namespace proxy
