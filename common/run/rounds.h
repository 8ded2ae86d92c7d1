#pragma once

#include <fmt/core.h>

#include <cstddef>
#include <string>

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

  /// Each test has run in this round.
  void complete() { complete_ = number_; }
  /// A round has ended, and so many tests have failed in all of them. True: another one begins.
  [[nodiscard]] bool next(std::size_t failures, Time now) {
    const bool was_last = options_.repeat > 0 && number_ >= options_.repeat;
    const bool is_over = options_.repeat_time && now - start_ >= *options_.repeat_time;
    const bool has_failed = options_.until_failure && failures > 0;
    const bool failed_enough =
        options_.max_fail > 0 && failures >= static_cast<std::size_t>(options_.max_fail);
    if (was_last || is_over || has_failed || failed_enough) return false;
    ++number_;
    return true;
  }

  /// "the tests have run 3 times; round 4 was not completed", for people.
  [[nodiscard]] std::string story() const {
    std::string text =
        fmt::format("the tests have run {} time{}", complete_, complete_ == 1 ? "" : "s");
    if (number_ > complete_) text += fmt::format("; round {} was not completed", number_);
    return text;
  }

 private:
  const Options& options_;
  const Time start_;
  int number_ = 1;
  int complete_ = 0;
};

}  // namespace subunit::run
