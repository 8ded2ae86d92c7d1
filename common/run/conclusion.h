#pragma once

#include <string>
#include <string_view>

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
  /// The tests were filtered, and none is left.
  void nothing_matched() { nothing_matched_ = answered_ = true; }
  /// Whoever reads the results does not have all of them.
  void output_lost() { output_lost_ = true; }

  [[nodiscard]] bool is_answered() const { return answered_; }
  [[nodiscard]] bool is_output_lost() const { return output_lost_; }
  [[nodiscard]] bool is_complete() const { return answered_ && problem_.empty(); }
  [[nodiscard]] const std::string& problem() const { return problem_; }

  /// Nothing more comes from any server. Every test that was asked for gets an end, those in
  /// progress and those that never started; then the observers are told of tests that ran and were
  /// not asked for, or twice.
  void close(Results& results, const Options& options, Time now) const;

  /// 0: everything asked for passed. 1: a test failed. 2: nothing was selected. 3: the run could
  /// not be completed.
  [[nodiscard]] int exit_status(const verdict::Ledger& ledger, Verdict verdict) const;

 private:
  void fail_missing(Results& results, Time now) const;

  std::string problem_;
  bool answered_ = false;
  bool nothing_matched_ = false;
  bool output_lost_ = false;
};

/// Some of many ids, quoted, for a warning.
[[nodiscard]] std::string some_of(const verdict::Ledger::Ids& ids);

}  // namespace subunit::run
