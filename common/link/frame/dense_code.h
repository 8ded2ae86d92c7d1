#pragma once

#include <algorithm>
#include <array>
#include <bitset>
#include <optional>

#include "frame.h"

namespace subunit::link {

/// Bytes, as members of a set.
using ByteSet = std::bitset<256>;

/// Bytes that are never sent but for the marks and ends of frames, whatever the line seems to let
/// pass: keys that terminals, multiplexers, ssh, container tools and console servers listen to,
/// flow control, line ends, and what begins a frame or an escape sequence. (A lone XON after long
/// silence is the one exception; see Link.) Not 7D, which the denser code cannot do without.
[[nodiscard]] const ByteSet& never_sent();

/// The denser body: bytes as they are, but those that the line harms as 7D and a digit of base 64
/// that numbers them, in the order of their values. 8 to 11 % longer than the payload, where base
/// 64 is 33 %.
class DenseCode {
 public:
  /// `passes`: the bytes that came unharmed through the line; those of never_sent() among them are
  /// escaped all the same. Nothing if more than 64 would have to be escaped (base 64 is about as
  /// short then), or if 7D itself does not pass. That the digits pass is taken for granted.
  [[nodiscard]] static std::optional<DenseCode> create(const ByteSet& passes);

  /// How many bytes from the start of `payload` fit into `most` characters.
  [[nodiscard]] std::size_t fitting(Bytes payload, std::size_t most) const;

  /// How many characters `payload` takes.
  [[nodiscard]] std::size_t size(Bytes payload) const;

  void encode(Bytes payload, Buffer& out) const;

  /// Appends the payload. False if these are not characters of the code; then the end of `out` is
  /// of no use.
  [[nodiscard]] bool decode(Bytes body, Buffer& out) const;

 private:
  DenseCode() = default;

  std::array<std::uint8_t, 256> escapes_{};  // by byte: the digit that stands for it, or 0
  std::array<std::uint8_t, 256> escaped_{};  // by digit: the byte that it stands for
  ByteSet plain_;
};

/// What fits into the body of a frame, in one code or the other.
struct BodySpace {
  const DenseCode* code = nullptr;  // base 64 if there is none
  std::size_t most_text = 0;        // characters that a body may have
  std::size_t best_text = 0;        // characters that it had better not exceed

  /// How many bytes from the start of `payload` fit into `text` characters.
  [[nodiscard]] std::size_t fitting(Bytes payload, std::size_t text) const {
    return code ? code->fitting(payload, text) : std::min(payload.size(), text / 4 * 3);
  }
};

}  // namespace subunit::link
