#pragma once

#include <chrono>

#include "common/base/time.h"

namespace proxy {

/// Tells from what comes and goes over a channel whether the link still carries anything, and when
/// the proxy at its other end has to hear from us.
class LinkWatch {
 public:
  /// A proxy says Alive this often: enough to see within seconds what a server does.
  static constexpr subunit::Time kAliveInterval = std::chrono::seconds(1);
  /// It ends itself when it has heard nothing from us for this long. A laptop that sleeps over
  /// lunch costs the run; a build machine that swaps does not.
  static constexpr subunit::Time kLease = std::chrono::seconds(120);
  static constexpr subunit::Time kKeepalive = std::chrono::seconds(20);
  /// A link over which not even Alive comes is dead: as ssh has it with ServerAliveInterval 15.
  static constexpr subunit::Time kPatience = std::chrono::seconds(45);
  static constexpr subunit::Time kDoubt = std::chrono::seconds(10);

  enum class State {
    kFine,
    kDoubtful,  ///< nothing has come for kDoubt; said once for each silence
    kLost,      ///< nothing has come for kPatience
  };

  void heard(subunit::Time now) { last_heard_ = now; }
  void said(subunit::Time now) { last_said_ = now; }

  /// While we do not read, silence is ours.
  void set_flow(bool on, subunit::Time now) {
    if (on && !flow_) last_heard_ = now;
    flow_ = on;
  }

  [[nodiscard]] bool keepalive_due(subunit::Time now) const {
    return now - last_said_ >= kKeepalive;
  }

  [[nodiscard]] State look(subunit::Time now) {
    const subunit::Time silence = flow_ ? now - last_heard_ : subunit::Time(0);
    if (silence >= kPatience) return State::kLost;
    const bool news = silence >= kDoubt && !doubted_;
    doubted_ = silence >= kDoubt;
    return news ? State::kDoubtful : State::kFine;
  }

 private:
  subunit::Time last_heard_{};
  subunit::Time last_said_{};
  bool flow_ = true;
  bool doubted_ = false;
};

}  // namespace proxy
