#pragma once

#include <optional>
#include <set>
#include <string>

#include "common/base/time.h"
#include "common/run/options.h"
#include "common/run/remote/channels.h"
#include "common/run/results.h"
#include "common/run/selection/plan.h"
#include "common/run/worker.h"

namespace subunit::run {

/// Looks at servers that take long, and tells apart what may be wrong: a test that is slow or
/// hangs, or a server that hangs between tests.
class Watchdog {
 public:
  /// `options` and `results` are the caller's, and live longer.
  Watchdog(const Options& options, Results& results) : options_(options), results_(results) {}

  /// How often to look.
  [[nodiscard]] Time interval() const;

  /// Tells the observers what takes long, asks a server that is silent whether it is alive, has a
  /// server replaced that has used up its time, and abandons one that is not replaced in time.
  /// Not behind a channel of which nothing has come for long.
  void look(Channels& channels, Time now);

 private:
  void look(Worker& worker, Time now);
  void replace(Worker& worker, const Worker::Timeout& timeout, Time now);
  [[nodiscard]] std::optional<Worker::Timeout> look_at(Worker& worker, Time now);
  [[nodiscard]] std::optional<Worker::Timeout> look_at_tests(Worker& worker, Time now);
  [[nodiscard]] std::optional<Worker::Timeout> look_between_tests(Worker& worker, Time now);

  const Options& options_;
  Results& results_;
};

/// Notices that tests wait for a server that never comes: a schedule can name more than there are.
class IdleWatch {
 public:
  /// Both are the caller's, and live longer.
  IdleWatch(const Options& options, const Plan& plan) : options_(options), plan_(plan) {}

  struct Finding {
    std::string warning;  ///< once, soon after it began; or empty
    std::string problem;  ///< it has lasted too long; or empty
  };
  /// To be called every now and then. `waiting`: tests that no server has.
  [[nodiscard]] Finding look(Channels& channels, std::size_t waiting, Time now);

 private:
  [[nodiscard]] std::string awaited(const std::set<WorkerNumber>& present) const;

  const Options& options_;
  const Plan& plan_;
  std::optional<Time> since_;
  bool warned_ = false;
};

}  // namespace subunit::run
