#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "speed.h"

namespace subunit::schedule {

/// The tests that one worker has, in the order in which it got them, and how far it is.
class WorkerLoad {
 public:
  using Ticket = std::uint64_t;  // larger for what was sent later
  struct Held {
    std::size_t test;
    Seconds work;  // as expected, before any factor
  };

  void sent(Ticket ticket, Held held, Time now);
  /// Returns the round trip, if the worker was idle when the test was sent.
  std::optional<Seconds> started(Ticket ticket, Time now);
  /// `ticket` is held. Returns how long its test took, if that was to be seen.
  std::optional<Seconds> finished(Ticket ticket, Time now);

  /// How long this test takes will say nothing.
  void stop_measuring(Ticket ticket) {
    if (running_ == ticket) running_.reset();
  }

  [[nodiscard]] bool idle() const { return held_.empty(); }
  [[nodiscard]] bool running() const { return running_.has_value(); }
  [[nodiscard]] const std::map<Ticket, Held>& held() const { return held_; }

  /// Work of the test that runs or, before it has started, of the first.
  [[nodiscard]] Seconds current() const;
  /// Work of all others.
  [[nodiscard]] Seconds behind() const { return work_ - current(); }
  /// For how long the current test has been running.
  [[nodiscard]] Seconds elapsed(Time now) const {
    return running_ ? Seconds(now - started_) : Seconds(0);
  }

  /// When it was sent something, or something was heard from it.
  [[nodiscard]] Time last_event() const { return last_event_; }

 private:
  std::map<Ticket, Held> held_;
  Seconds work_{0};  // of all held
  std::optional<Ticket> running_;
  Time started_{0};
  std::optional<Time> last_finish_;
  std::optional<Time> woken_;  // when it was sent something while idle
  Time last_event_{0};
};

}  // namespace subunit::schedule
