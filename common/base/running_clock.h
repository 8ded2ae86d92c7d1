#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include "common/base/time.h"

namespace subunit {

/// A clock that stands still while its process does not run: stopped (^Z, SIGSTOP), or kept from
/// the processor. Nobody could hear an answer in that time, so it counts towards no time-out.
///
/// That is seen from moments on the system's clock that are far apart: the process runs whenever it
/// reads this clock, and it says how long it is going to wait for something to happen.
class RunningClock {
 public:
  /// What a busy machine, or a long computation, may take between two readings. What is longer does
  /// not count, from the moment of the last reading, or of the end of the wait.
  static constexpr Time kMaxPause = std::chrono::seconds(1);

  /// `system`: the time on the system's clock. What is returned never goes back.
  [[nodiscard]] Time read(Time system) {
    if (waits_for_ever_) {
      waits_for_ever_ = false;  // that it has ended tells nothing
    } else if (system - awake_ > kMaxPause) {
      stopped_ += system - awake_;
    }
    awake_ = system;
    return system - stopped_;
  }

  /// The process waits from `system` on until something happens, but not beyond `until`.
  void wait(Time system, std::optional<Time> until) {
    awake_ = system;
    waits_for_ever_ = !until;
    if (until) awake_ = std::max(awake_, *until);
  }

 private:
  Time awake_{};  // until then it ran, or had no reason to
  bool waits_for_ever_ = true;
  Time stopped_{};
};

}  // namespace subunit
