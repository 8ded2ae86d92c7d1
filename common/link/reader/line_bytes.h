#pragma once

#include <array>
#include <optional>

#include "common/base/bytes.h"

namespace subunit::link {

/// What a byte is to the frame in whose middle it stands.
enum class ByteKind : std::uint8_t {
  kDigit,    ///< of base 64: one of the frame's characters
  kIgnored,  ///< CR, LF, space, NUL, XON, XOFF: terminals add and map them
  kEscape,   ///< ESC: to be ignored with all of its sequence
  kForeign,  ///< nothing that belongs there
};

[[nodiscard]] ByteKind byte_kind(std::uint8_t byte);

/// CR, LF, XON, XOFF: what a line may put into a body in the denser code.
[[nodiscard]] bool ignored_in_dense(std::uint8_t byte);

/// The longest escape sequence that is taken for one in a frame.
inline constexpr std::size_t kMaxEscapeSequence = 128;

enum class EscapeSequences {
  kInFrame,  ///< those that a terminal may put into a frame, and that hide no other one: without
             ///< '#'
  kAll,      ///< however long, and those of two characters, too
};

/// How long the escape sequence is that `bytes` start with (their first is ESC): a CSI or OSC
/// sequence or the choice of a character set (ECMA-48 and ECMA-35), complete and on one line. 0 if
/// it is none of these; nothing if that depends on what follows.
[[nodiscard]] std::optional<std::size_t> escape_sequence(
    Bytes bytes, EscapeSequences which = EscapeSequences::kInFrame);

}  // namespace subunit::link
