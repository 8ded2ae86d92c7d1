#pragma once

#include <chrono>
#include <optional>

#include "common/base/time.h"

namespace subunit::run {

/// How long a run may still take once somebody has pressed ^C, and is waiting.
///
/// Servers are asked to end, and every channel has a time limit for that. But these limits stand
/// still while nobody reads the results, and results without end put them off. So there are two
/// more: one for the reader, and one for the whole.
class Interruption {
 public:
  /// For a channel, and for the reader.
  static constexpr Time kTimeout = std::chrono::seconds(2);
  static constexpr Time kLimit = std::chrono::seconds(10);

  /// `unread`: the observers are full, and whoever reads what they write does not.
  void begin(Time now, bool unread) {
    begun_ = true;
    patient_end_ = now + kLimit;
    set_unread(unread, now);
  }
  [[nodiscard]] bool begun() const { return begun_; }

  void set_unread(bool unread, Time now) {
    if (!unread) unread_end_.reset();
    if (unread && begun_ && !unread_end_) unread_end_ = now + kTimeout;
  }

  [[nodiscard]] std::optional<Time> next_deadline() const {
    return earlier(unread_end_, patient_end_);
  }
  /// Once: what is not read is dropped.
  [[nodiscard]] bool gives_up_reader(Time now) { return is_over(unread_end_, now); }
  /// Once: channels that have not ended are ended.
  [[nodiscard]] bool gives_up_channels(Time now) { return is_over(patient_end_, now); }

 private:
  static bool is_over(std::optional<Time>& end, Time now) {
    const bool over = end && now >= *end;
    if (over) end.reset();
    return over;
  }

  bool begun_ = false;
  std::optional<Time> unread_end_;
  std::optional<Time> patient_end_;
};

}  // namespace subunit::run
