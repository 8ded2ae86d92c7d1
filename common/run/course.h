#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/run/assignment/assignment.h"
#include "common/run/assignment/attribution.h"
#include "common/run/assignment/feeder.h"
#include "common/run/conclusion.h"
#include "common/run/options.h"
#include "common/run/remote/channels.h"
#include "common/run/results.h"
#include "common/run/rounds.h"
#include "common/run/selection/plan.h"

namespace subunit::run {

/// The part of a run in which its tests run: in one round or several, once or at each of several
/// sites, until all are done or enough have failed.
///
/// What happens to a server is told to others. This looks, whenever something has changed, at who
/// is there and what is left, gives servers what to do, has them started again, and says when all
/// is done.
class Course {
 public:
  /// All are the caller's, and live longer. `start`: of the run.
  Course(const Options& options, const Plan& plan, Channels& channels, Results& results,
         Assignment& assignment, Attribution& attribution, Conclusion& conclusion, Time start);

  /// These are going to run, if all goes well. To be called once, before begin() or not.
  void expect(const std::vector<std::string>& tests);

  /// A server answers Hello. What is to run on all servers at once waits until all are there.
  [[nodiscard]] bool can_begin() const;
  /// The first round begins. An Error says why it cannot.
  [[nodiscard]] Result<> begin(std::vector<std::string> tests, Time now);
  /// Something has changed. False: all is done. An Error says why no server can do the rest.
  [[nodiscard]] Result<bool> go_on(Time now);
  /// Servers that have died are started again, since there is something for them to do.
  [[nodiscard]] Result<> restart_servers(Time now);

  /// Where each test runs at several sites: what has not ended at each of them.
  [[nodiscard]] std::vector<Unfinished> unfinished() const;
  /// The number of the round, from 1, where tests run in several.
  [[nodiscard]] std::optional<std::size_t> round() const;
  /// For people, how often the tests have run; "" if that was not to be more than once.
  [[nodiscard]] std::string story() const;

 private:
  [[nodiscard]] std::size_t sites() const;
  void miss_absent();
  void tell_of_list(Time now);
  [[nodiscard]] Result<> begin_round(Time now);
  [[nodiscard]] Result<bool> feed(Time now);
  [[nodiscard]] bool has_another_round(Time now);
  void stop_if_enough_failed(Time now);
  [[nodiscard]] bool give_up_lost_sites(Time now);
  bool give_up(std::size_t site, const RemoteProxy& remote, Time now);

  const Options& options_;
  const Plan& plan_;
  Channels& channels_;
  Results& results_;
  Assignment& assignment_;
  Attribution& attribution_;
  Conclusion& conclusion_;
  Rounds rounds_;
  Feeder feeder_;
  std::vector<std::string> tests_;  // of each round, if there are several
};

}  // namespace subunit::run
