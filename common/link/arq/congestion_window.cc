#include "common/link/arq/congestion_window.h"

#include <algorithm>

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

}  // namespace subunit::link
