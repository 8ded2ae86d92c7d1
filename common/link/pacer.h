#pragma once

#include <algorithm>

#include "common/link/round_trip.h"

namespace subunit::link {

/// Lets out no more than the line takes, so that what is urgent does not stand behind seconds of
/// other bytes in somebody's buffer.
class Pacer {
 public:
  /// So much may wait in those buffers: a timer that comes late leaves no gap.
  static constexpr Time kAhead = std::chrono::milliseconds(20);

  void set_rate(double bytes_per_second) { rate_ = bytes_per_second; }
  [[nodiscard]] double bytes_per_second() const { return rate_; }

  /// From then on a frame may be written.
  [[nodiscard]] Time ready_at() const { return busy_until_ - kAhead; }

  void sent(std::size_t bytes, Time now) {
    busy_until_ = std::max(busy_until_, now) + line_time(bytes, rate_);
  }

 private:
  double rate_ = 0;  // 0: whatever comes
  Time busy_until_{0};
};

}  // namespace subunit::link
