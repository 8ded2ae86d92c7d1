#include "common/link/arq/congestion_window.h"

#include <algorithm>
#include <cmath>

#include "common/link/frame/frame.h"

namespace subunit::link {

void CongestionWindow::arrived(std::size_t line_bytes) {
  if (bytes_ < threshold_) {
    bytes_ = std::min(bytes_ + line_bytes, threshold_);
    return;
  }
  arrived_ += line_bytes;
  if (arrived_ < bytes_) return;
  arrived_ = 0;
  bytes_ = std::min(bytes_ + kStep, kMax);
}

void CongestionWindow::halve() {
  bytes_ = threshold_ = std::max(bytes_ / 2, least_);
  arrived_ = 0;
}

void CongestionWindow::restart() {
  threshold_ = std::max(bytes_ / 2, least_);
  bytes_ = least_;
  arrived_ = 0;
}

void FrameSize::arrived(std::size_t line_bytes) {
  forget();
  bytes_ += static_cast<double>(line_bytes);
}

void FrameSize::lost(std::size_t line_bytes) {
  forget();
  errors_ += 1;
  bytes_ += static_cast<double>(line_bytes) / 2;  // somewhere in it was the first error
}

void FrameSize::forget() {
  constexpr double kKeep = 1 - 1.0 / 128;
  errors_ *= kKeep;
  bytes_ *= kKeep;
}

std::size_t FrameSize::body_text() const {
  // Of a frame of B + H characters, with e errors for each, B (1 - e)^(B + H) / (B + H) is largest
  // about where B (B + H) = H / e.
  constexpr auto kOverhead = static_cast<double>(kFrameOverhead);
  const double best =
      (std::sqrt(kOverhead * kOverhead + 4 * kOverhead / error_rate()) - kOverhead) / 2;
  return static_cast<std::size_t>(
      std::clamp(best, static_cast<double>(kMinText), static_cast<double>(kMaxBodyText)));
}

}  // namespace subunit::link
