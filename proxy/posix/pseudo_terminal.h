#pragma once

#include <string>

#include "common/base/result.h"
#include "proxy/posix/fd.h"

namespace proxy {

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

}  // namespace proxy
