#pragma once

#include <optional>

#include "common/base/time.h"

namespace subunit::link {

/// When to confirm what has come: not each frame alone, and not late.
class AckTimer {
 public:
  static constexpr Time kMaxDelay = std::chrono::milliseconds(20);
  static constexpr int kMaxFrames = 8;

  void urgent() { due_ = true; }
  void arrived(Time now) {
    if (++frames_ >= kMaxFrames) due_ = true;
    if (!deadline_) deadline_ = now + kMaxDelay;
  }

  void sent() {
    due_ = false;
    frames_ = 0;
    deadline_.reset();
  }

  [[nodiscard]] bool due() const { return due_; }
  /// Something has come, and was not confirmed.
  [[nodiscard]] bool waiting() const { return due_ || deadline_.has_value(); }

  [[nodiscard]] std::optional<Time> next_deadline() const {
    return due_ ? std::nullopt : deadline_;
  }
  void tick(Time now) {
    if (deadline_ && now >= *deadline_) due_ = true;
  }

 private:
  bool due_ = false;
  int frames_ = 0;
  std::optional<Time> deadline_;
};

}  // namespace subunit::link
