#pragma once

#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/regex.h"
#include "common/base/result.h"
#include "common/rpc/message.h"
#include "common/schedule/dispatcher.h"
#include "common/schedule/durations.h"
#include "common/schedule/schedule_log.h"
#include "proxy/run/options.h"
#include "proxy/run/output.h"

namespace proxy {

/// What decides about the order of tests, and what is kept of a run for later ones: the history,
/// the groups, a schedule to replay, the log of this one.
class Plan {
 public:
  /// Reads the files that the options name. An Error says which cannot be used, and why. A history
  /// that does not exist yet is an empty one. `options` are the caller's, and live longer.
  [[nodiscard]] static subunit::Result<Plan> from(const RunOptions& options);

  /// The tests of the schedule to replay; nothing if none is.
  [[nodiscard]] subunit::rpc::TestIds replayed_tests() const;

  /// The numbers of the workers that it names; none if none is to be replayed.
  [[nodiscard]] std::set<WorkerNumber> replayed_workers() const;

  /// For tests with these ids. `one_server`: there is one, and no place for others. An Error if the
  /// schedule to replay does not fit them.
  [[nodiscard]] subunit::Result<std::unique_ptr<subunit::schedule::Dispatcher>> make_dispatcher(
      const std::vector<std::string>& ids, bool one_server) const;

  /// A packet of results, for the history.
  void record(const subunit::Packet& packet) {
    if (options_->history) durations_.record(packet);
  }

  /// For the log. `at`: since the start of the run.
  void sent(subunit::Time at, WorkerNumber worker, const std::vector<std::string>& ids);

  /// Writes the history and the rest of the log. An Error names the file that could not be written.
  [[nodiscard]] subunit::Result<> save();

 private:
  explicit Plan(const RunOptions& options) : options_(&options) {}

  [[nodiscard]] subunit::Result<> read_history();
  [[nodiscard]] subunit::Result<> read_schedule();
  [[nodiscard]] std::vector<std::size_t> units_of(const std::vector<std::string>& ids) const;

  const RunOptions* options_;
  subunit::schedule::Durations durations_;
  std::optional<subunit::Regex> group_;
  std::vector<subunit::schedule::ScheduleEntry> schedule_;
  std::ofstream log_;
};

}  // namespace proxy
