#pragma once

#include <optional>
#include <string>

#include "common/base/result.h"
#include "proxy/posix/fd.h"

namespace proxy {

/// A terminal in raw mode for as long as this lives: it passes every byte as it is, in both
/// directions, and neither echoes nor holds back any. Or in a mode for keys: then each is there at
/// once, and is not echoed, but ^C, ^Z and what is written mean what they always do.
///
/// What was there before comes back at the end, also when a signal ends the process. Signals that
/// an event loop watches are the loop's: begin to watch them after enter(), and restore() before
/// that ends.
class RawMode {
 public:
  enum class Kind { kEveryByte, kKeys };

  /// An Error if `fd` is no terminal, or cannot be changed.
  [[nodiscard]] static subunit::Result<RawMode> enter(int fd, Kind kind = Kind::kEveryByte);

  RawMode(RawMode&& other) noexcept : slot_(std::exchange(other.slot_, kNone)) {}
  RawMode& operator=(RawMode&&) = delete;
  ~RawMode() { restore(); }

  /// Sets the mode once more if somebody has changed the terminal. Returns whether that was so.
  bool reapply();

  /// Puts back what was there before enter(). What is on its way out gets a second to leave, and no
  /// more: a line may be stopped for ever. What has come and was not read was for this program, and
  /// is dropped.
  void restore();

 private:
  static constexpr int kNone = -1;

  explicit RawMode(int slot) : slot_(slot) {}

  int slot_;
};

/// Whether `fd` is a terminal, and this process belongs to the job that has it: another one that
/// reads from it is stopped.
[[nodiscard]] bool is_in_foreground(int fd);

/// Whether two descriptors are the same terminal.
[[nodiscard]] bool is_same_terminal(int one, int other);

/// A new terminal for a command, in raw mode: what it does to bytes is for the command to say.
///
/// When nobody has the command's side any more, reading the other one is an error, EIO, in the
/// place of an end. The command's side is held open here, so that this is not so from the start:
/// let go of it once the command runs.
struct PseudoTerminal {
  Fd master;
  Fd command_side;
  std::string path;  ///< of the command's side

  /// `returns_end_lines`: what is typed goes to a program that reads lines and may leave the
  /// terminal as it is, so a carriage return is a line feed for it. That is for printable text
  /// only. The window is as large as that of a terminal of ours, or else 80 by 24.
  [[nodiscard]] static subunit::Result<PseudoTerminal> create(bool returns_end_lines);
};

/// Bits on a serial line for each byte: start, eight of data, stop.
inline constexpr double kBitsPerByte = 10;

/// How many bytes a second the serial line behind a terminal carries, by its settings. Nothing for
/// a terminal that has no line behind it: a pseudo-terminal, a screen, the console of a hypervisor.
[[nodiscard]] std::optional<double> line_rate(int fd);

}  // namespace proxy
