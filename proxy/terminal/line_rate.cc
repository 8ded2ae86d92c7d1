#include "proxy/terminal/terminal.h"

// The kernel's termios has any speed as a number, and cannot be had beside the C library's.
#include <asm/termbits.h>
#include <linux/serial.h>
#include <linux/tty.h>
#include <sys/ioctl.h>

namespace proxy {
namespace {

// By number of the device (devices.txt of the kernel).
constexpr unsigned kLegacyPtyMaster = 2;
constexpr unsigned kLegacyPty = 3;
constexpr unsigned kScreenOrSerial = 4;
constexpr unsigned kFirstSerial = 64;  // minor number; below are screens
constexpr unsigned kFirstPty = 128, kLastPty = 143;
constexpr unsigned kHypervisor = 229;

/// Also where the terminal was opened as /dev/console or /dev/tty: what is behind that.
bool is_virtual(int fd) {
  unsigned device = 0;
  if (::ioctl(fd, TIOCGDEV, &device) != 0) return true;
  const unsigned major = device >> 8 & 0xfff;
  const unsigned minor = (device & 0xff) | (device >> 12 & 0xfff00);
  return major == kLegacyPtyMaster || major == kLegacyPty ||
         (major == kScreenOrSerial && minor < kFirstSerial) ||
         (major >= kFirstPty && major <= kLastPty) || major == kHypervisor;
}

/// A port that is configured, and not there.
bool is_absent(int fd) {
  serial_struct serial{};
  return ::ioctl(fd, TIOCGSERIAL, &serial) == 0 && serial.type == PORT_UNKNOWN;
}

}  // namespace

std::optional<double> line_rate(int fd) {
  termios2 settings{};
  if (::ioctl(fd, TCGETS2, &settings) != 0 || settings.c_ospeed == 0) return std::nullopt;
  if (is_virtual(fd) || is_absent(fd)) return std::nullopt;
  const double bits = kBitsPerByte + (settings.c_cflag & CSTOPB ? 1 : 0);
  return settings.c_ospeed / bits;
}

}  // namespace proxy
