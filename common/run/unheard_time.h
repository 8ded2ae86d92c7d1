#pragma once

#include <optional>

#include "common/base/time.h"
#include "common/run/remote/channels.h"
#include "common/run/running_tests.h"

namespace subunit::run {

/// Time in which nobody could hear what servers do: nothing came over their channel, or what came
/// was not read, since the observers were full. It is not held against servers and tests: their
/// time-outs begin later by as much.
class UnheardTime {
 public:
  /// The caller's, and lives longer.
  explicit UnheardTime(RunningTests& running) : running_(running) {}

  /// Something has come from here.
  void heard(RemoteProxy& from, Time now) {
    const Time silence = from.silence(now);
    from.heard(now);
    if (silence == Time(0)) return;
    for (Worker& worker : from.workers()) {
      worker.signs.since += silence;
      worker.replaced_by += silence;
      running_.postpone(silence, worker.number);
    }
  }

  /// False: nothing is read from now on.
  void set_reading(bool on, Channels& channels, Time now) {
    if (!on && !stopped_at_) stopped_at_ = now;
    if (!on || !stopped_at_) return;
    const Time pause = now - *stopped_at_;
    stopped_at_.reset();
    channels.each_worker([pause](Worker& worker) { worker.signs.since += pause; });
    running_.postpone(pause);
  }
  [[nodiscard]] bool reads() const { return !stopped_at_; }

 private:
  RunningTests& running_;
  std::optional<Time> stopped_at_;
};

}  // namespace subunit::run
