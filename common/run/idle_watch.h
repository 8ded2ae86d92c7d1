#pragma once

#include <optional>
#include <set>
#include <string>

#include "common/base/time.h"
#include "common/run/options.h"
#include "common/run/plan.h"

namespace subunit::run {

/// Notices that tests wait for a server that never comes: a schedule can name more than there are.
class IdleWatch {
 public:
  /// Both are the caller's, and live longer.
  IdleWatch(const Options& options, const Plan& plan) : options_(options), plan_(plan) {}

  struct Finding {
    std::string warning;  ///< once, soon after it began; or empty
    std::string problem;  ///< it has lasted too long; or empty
  };
  /// To be called every now and then. `busy`: a server has something to do, or is about to be
  /// there. `present`: workers that have not been lost. `waiting`: tests that no server has.
  [[nodiscard]] Finding look(bool busy, const std::set<WorkerNumber>& present, std::size_t waiting,
                             Time now);

 private:
  [[nodiscard]] std::string awaited(const std::set<WorkerNumber>& present) const;

  const Options& options_;
  const Plan& plan_;
  std::optional<Time> since_;
  bool warned_ = false;
};

}  // namespace subunit::run
