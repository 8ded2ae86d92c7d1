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

  /// So many line bytes have arrived, and the window was used.
  void arrived(std::size_t line_bytes);

  /// The line has dropped something.
  void halve();
  /// Nothing comes back: begin again.
  void restart();

 private:
  static constexpr std::size_t kStep = 1024;  // for each whole window that has arrived

  std::size_t least_ = kMin;
  std::size_t bytes_ = kMin;
  std::size_t threshold_ = kMax;  // doubling each round trip below, one step each above
  std::size_t arrived_ = 0;       // since the last step
};

/// How long frames are best, from what happened to those before: a long one costs fewer bytes
/// around its body, and is lost more often.
class FrameSize {
 public:
  /// Of a frame of so many characters.
  void arrived(std::size_t line_bytes);
  void lost(std::size_t line_bytes);

  /// Errors for each byte of the line.
  [[nodiscard]] double error_rate() const { return errors_ / bytes_; }

  /// Characters of a body: what keeps overhead and loss together smallest, between kMinText and
  /// kMaxBodyText.
  [[nodiscard]] std::size_t body_text() const;

  static constexpr std::size_t kMinText = 40;  // one block in base 64

 private:
  void forget();

  // Over the last hundred frames or so. Half an error in a kilobyte is what a line is thought to
  // have that nobody has seen yet.
  double errors_ = 0.5;
  double bytes_ = 1024;
};

}  // namespace subunit::link
