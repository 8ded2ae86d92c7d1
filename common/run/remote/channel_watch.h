#pragma once

#include <algorithm>
#include <chrono>
#include <string>

#include "common/base/bytes.h"
#include "common/base/time.h"

namespace subunit::run {

/// Tells from what comes and goes over a channel whether the link still carries anything, and when
/// the proxy at its other end has to hear from us.
class LinkWatch {
 public:
  /// A proxy says Alive this often: enough to see within seconds what a server does.
  static constexpr Time kAliveInterval = std::chrono::seconds(1);
  /// It ends itself when it has heard nothing from us for this long. A laptop that sleeps over
  /// lunch costs the run; a build machine that swaps does not.
  static constexpr Time kLease = std::chrono::seconds(120);
  static constexpr Time kKeepaliveInterval = std::chrono::seconds(20);
  /// A link over which not even Alive comes is dead: as ssh has it with ServerAliveInterval 15.
  static constexpr Time kLostTimeout = std::chrono::seconds(45);
  static constexpr Time kDoubtTimeout = std::chrono::seconds(10);
  /// Two Alives are missing: ssh or the proxy stands still. What a server does is not known then.
  static constexpr Time kSilence = std::chrono::milliseconds(2500);

  enum class State {
    kFine,
    kDoubtful,  ///< nothing has come for kDoubtTimeout; reported once for each silence
    kLost,      ///< nothing has come for kLostTimeout
  };

  void heard(Time now) {
    last_heard_ = now;
    doubted_ = false;
  }
  void said(Time now) { last_said_ = now; }

  /// While we do not read, silence is ours.
  void set_flow(bool on, Time now) {
    if (on && !flow_) heard(now);
    flow_ = on;
  }

  /// For how long nothing has come.
  [[nodiscard]] Time silence(Time now) const { return flow_ ? now - last_heard_ : Time(0); }

  [[nodiscard]] bool keepalive_due(Time now) const {
    return now - last_said_ >= kKeepaliveInterval;
  }

  [[nodiscard]] State look(Time now) {
    if (silence(now) >= kLostTimeout) return State::kLost;
    if (silence(now) < kDoubtTimeout || doubted_) return State::kFine;
    doubted_ = true;
    return State::kDoubtful;
  }

  /// When look() or keepalive_due() may answer differently though nothing has come.
  [[nodiscard]] Time next_deadline() const {
    const Time keepalive = last_said_ + kKeepaliveInterval;
    if (!flow_) return keepalive;
    return std::min(keepalive, last_heard_ + (doubted_ ? kLostTimeout : kDoubtTimeout));
  }

 private:
  Time last_heard_{};
  Time last_said_{};
  bool flow_ = true;
  bool doubted_ = false;
};

/// What a channel prints before the proxy at its end is ready: banners, or why it never will be.
class EarlyNoise {
 public:
  /// A banner is a page; a wrong command may print for ever.
  static constexpr std::size_t kMaxKept = 1 << 20;

  void add(Bytes bytes);

  /// "the channel printed: …", for a person: without line feeds around it, one of which is the
  /// proxy's own.
  [[nodiscard]] std::string text() const;

  /// All that was kept, but for the line feed that Ready begins with.
  [[nodiscard]] Buffer take();

  /// Bytes of all of it, kept or not.
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool is_cut() const { return size_ > kept_.size(); }

 private:
  Buffer kept_;  // the beginning
  std::size_t size_ = 0;
};

}  // namespace subunit::run
