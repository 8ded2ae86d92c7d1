#pragma once

#include <cstddef>
#include <cstdint>

namespace subunit::link {

/// How many bytes may be on the line without an answer: few at first, since a terminal holds a
/// few kilobytes and drops the rest, then more as long as nothing is lost.
class CongestionWindow {
 public:
  static constexpr std::size_t kMin = 2048;  // half of the buffer of a Linux terminal
  static constexpr std::size_t kMax = 1 << 20;

  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  /// What the line holds at its rate while an answer is on its way: less only leaves it idle.
  void set_least(std::size_t bytes) { least_ = bytes < kMin ? kMin : bytes; }

  /// So many line bytes have arrived, and the credit was used.
  void arrived(std::size_t line_bytes);

  /// The line has dropped something.
  void halve();
  /// Nothing comes back: begin again.
  void restart();

 private:
  static constexpr std::size_t kStep = 1024;  // for each whole credit that has arrived

  std::size_t least_ = kMin;
  std::size_t bytes_ = kMin;
  std::size_t threshold_ = kMax;  // doubling each round trip below, one step each above
  std::size_t arrived_ = 0;       // since the last step
};

}  // namespace subunit::link
