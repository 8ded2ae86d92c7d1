#pragma once

#include "common/base/time.h"
#include "common/run/options.h"

namespace subunit::run {

/// How often the tests of a run run (--repeat, --until-failure, --time): in rounds, each of which
/// has each test once. The next round begins when the one before has ended, so a test that fails in
/// one of a thousand rounds has failed among the same others.
class Rounds {
 public:
  /// `start`: of the run. The options are the caller's, and live longer.
  Rounds(const Options& options, Time start) : options_(options), start_(start) {}

  /// There may be more than one.
  [[nodiscard]] bool repeats() const { return options_.repeat != 1; }
  /// From 1.
  [[nodiscard]] int number() const { return number_; }

  /// A round has ended, and so many tests have failed in all of them. True: another one begins.
  [[nodiscard]] bool next(std::size_t failures, Time now) {
    const bool was_last = options_.repeat > 0 && number_ >= options_.repeat;
    const bool is_over = options_.repeat_time && now - start_ >= *options_.repeat_time;
    if (was_last || is_over || (options_.until_failure && failures > 0)) return false;
    ++number_;
    return true;
  }

 private:
  const Options& options_;
  const Time start_;
  int number_ = 1;
};

}  // namespace subunit::run
