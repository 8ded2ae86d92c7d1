#pragma once

#include <optional>
#include <string>

#include "common/base/time.h"
#include "common/run/options.h"
#include "common/run/results.h"
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
  void look(Worker& worker, Time now);

 private:
  void replace(Worker& worker, const Worker::Timeout& timeout, Time now);
  [[nodiscard]] std::optional<Worker::Timeout> look_at(Worker& worker, Time now);
  [[nodiscard]] std::optional<Worker::Timeout> look_at_tests(Worker& worker, Time now);
  [[nodiscard]] std::optional<Worker::Timeout> look_between_tests(Worker& worker, Time now);

  const Options& options_;
  Results& results_;
};

}  // namespace subunit::run
