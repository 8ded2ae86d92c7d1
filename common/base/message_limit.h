#pragma once

#include <chrono>
#include <optional>
#include <utility>

#include "time.h"

namespace subunit {

/// Decides which of many messages of one kind are shown, so that whoever causes them fills no log:
/// at most one in each kInterval. None is forgotten: each that is shown stands for a number.
class MessageLimit {
 public:
  static constexpr Time kInterval = std::chrono::seconds(1);

  /// There is one more. Returns how many there are since the last one that was shown, if it is to
  /// be shown now; otherwise 0.
  [[nodiscard]] unsigned add(Time now) {
    ++held_back_;
    return tick(now);
  }

  /// When to call tick(); nothing while none is held back.
  [[nodiscard]] std::optional<Time> next_deadline() const {
    if (held_back_ == 0 || !shown_at_) return std::nullopt;
    return *shown_at_ + kInterval;
  }

  /// Returns how many were held back, if it is time to show that; otherwise 0.
  [[nodiscard]] unsigned tick(Time now) {
    if (held_back_ == 0 || (shown_at_ && now - *shown_at_ < kInterval)) return 0;
    shown_at_ = now;
    return take_rest();
  }

  /// The same at the end, when there is no later time.
  [[nodiscard]] unsigned take_rest() { return std::exchange(held_back_, 0); }

 private:
  unsigned held_back_ = 0;
  std::optional<Time> shown_at_;
};

}  // namespace subunit
