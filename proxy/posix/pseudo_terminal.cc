#include "proxy/posix/pseudo_terminal.h"

#include <sys/ioctl.h>
#include <termios.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace proxy {

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
