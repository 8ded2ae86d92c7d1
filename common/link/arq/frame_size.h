#pragma once

#include <cstddef>
#include <cstdint>

namespace subunit::link {

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
