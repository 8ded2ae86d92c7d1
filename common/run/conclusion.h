#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/run/assignment/assignment.h"
#include "common/run/options.h"
#include "common/run/results.h"

namespace subunit::run {

/// How a run has ended: whether it is complete, what was wrong with it as a whole, and with that
/// its exit status.
class Conclusion {
 public:
  /// Something is wrong with the run as a whole. The first problem is the one that is told.
  void add_problem(std::string_view problem) {
    if (problem_.empty()) problem_ = problem;
  }
  /// This is what the others come from.
  void set_problem(std::string_view problem) { problem_ = problem; }
  /// Everything that was asked for was answered.
  void answered() { answered_ = true; }
  /// It is broken off.
  void broken_off() { answered_ = false; }
  /// There are no tests, or none of them is selected.
  void nothing_to_run() { nothing_to_run_ = answered_ = true; }
  /// Enough tests have failed: those that have not begun do not run, for the reason `why`.
  void stopped(std::string_view why) { stopped_ = why; }
  /// Whoever reads the results does not have all of them.
  void output_lost() { output_lost_ = true; }

  [[nodiscard]] bool is_answered() const { return answered_; }
  [[nodiscard]] bool is_output_lost() const { return output_lost_; }
  [[nodiscard]] bool is_complete() const { return answered_ && problem_.empty(); }
  [[nodiscard]] const std::string& problem() const { return problem_; }

  /// Nothing more comes from any server. Every test that was asked for gets an end, those in
  /// progress and those that never started; then the observers are told of tests that ran and were
  /// not asked for, or twice. `asks_for_run`: as Plan says. `unfinished`: where tests run at
  /// several sites, what has not ended there.
  void close(Results& results, const Options& options, bool asks_for_run,
             const std::vector<Unfinished>& unfinished, Time now) const;

  /// 0: everything asked for passed. 1: a test failed. 2: nothing was selected. 3: the run could
  /// not be completed.
  [[nodiscard]] int exit_status(const Results& results, const Options& options) const;

 private:
  void end_missing(Results& results, const std::vector<Unfinished>& unfinished, Time now) const;
  static void warn_of_surprises(Results& results, Time now);

  std::string problem_;
  std::string stopped_;
  bool answered_ = false;
  bool nothing_to_run_ = false;
  bool output_lost_ = false;
};

/// Some of many ids, quoted, for a warning.
[[nodiscard]] std::string some_of(const verdict::Ledger::Ids& ids);

}  // namespace subunit::run
