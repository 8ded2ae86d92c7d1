#pragma once

#include <algorithm>

#include "common/base/time.h"

namespace subunit::link {

/// Asks when nothing is heard, and knows when to stop hoping.
class Keepalive {
 public:
  Keepalive(Time interval, Time dead_after) : interval_(interval), dead_after_(dead_after) {}

  void heard(Time now) {
    heard_at_ = asked_at_ = now;
    unanswered_ = 0;
  }

  [[nodiscard]] Time heard_at() const { return heard_at_; }

  /// Something else got no answer in time.
  void unanswered() { ++unanswered_; }

  [[nodiscard]] Time next_deadline() const {
    return std::min(asked_at_ + interval_, heard_at_ + dead_after_);
  }
  [[nodiscard]] bool dead(Time now) const { return now - heard_at_ >= dead_after_; }
  /// True if it is time to ask.
  [[nodiscard]] bool tick(Time now) {
    if (now - asked_at_ < interval_) return false;
    if (asked_at_ > heard_at_) ++unanswered_;
    asked_at_ = now;
    return true;
  }

  /// Twice nothing was answered in time, and all is silent: maybe the line was stopped.
  [[nodiscard]] bool stopped() const { return unanswered_ >= 2; }
  void released() { unanswered_ = 0; }

 private:
  Time interval_;
  Time dead_after_;
  Time heard_at_{0};
  Time asked_at_{0};
  int unanswered_ = 0;
};

}  // namespace subunit::link
