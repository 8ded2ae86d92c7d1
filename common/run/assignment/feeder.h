#pragma once

#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/run/assignment/assignment.h"
#include "common/run/options.h"

namespace subunit::run {

/// Gives servers what there is to do, and has another one started in a worker's place where a test
/// wants that, or where one has died.
class Feeder {
 public:
  /// Both are the caller's, and live longer.
  Feeder(const Options& options, Assignment& assignment)
      : options_(options), assignment_(assignment) {}

  /// For a worker of which something has become known. `places`: where tests that have failed can
  /// run again; null if none is to. An Error says why the run cannot go on.
  [[nodiscard]] Result<> feed(Worker& worker, const Retries::Places* places, Time now);

  /// Tests are waiting, and the worker's server is gone. Returns why it is not started again, for
  /// people, if it has died too often; the worker is then lost.
  [[nodiscard]] std::optional<std::string> restart(Worker& worker);

 private:
  [[nodiscard]] Result<> feed_again(Worker& worker, const Retries::Places& places, Time now);
  [[nodiscard]] bool recycle(Worker& worker, const std::string& why, Time now);

  const Options& options_;
  Assignment& assignment_;
};

}  // namespace subunit::run
