#pragma once

#include <optional>

#include "../../base/time.h"

namespace subunit::schedule {

/// What is expected and what is predicted, as a fraction of seconds.
using Seconds = std::chrono::duration<double>;

/// How long tests take, as a factor on what was expected of them. Later tests count more.
class Slowness {
 public:
  /// `memory`: how many of the latest tests count for most of it.
  explicit Slowness(double memory) : keep_(1 - 1 / memory) {}

  void learn(Seconds expected, Seconds took);

  [[nodiscard]] bool known() const { return tests_ > 0; }
  /// `otherwise` counts as one more test, so that one alone does not decide.
  [[nodiscard]] double factor(double otherwise) const;
  /// Nothing but what was learnt; `otherwise` if that is nothing.
  [[nodiscard]] double plain_factor(double otherwise) const {
    return known() ? took_ / expected_ : otherwise;
  }

 private:
  double keep_;
  Seconds expected_{0};
  Seconds took_{0};
  double tests_ = 0;
};

/// How far predictions are off: the sum of errors over the sum of what was predicted.
class PredictionError {
 public:
  /// `initial`: what to assume while there was no prediction.
  explicit PredictionError(double initial) : initial_(initial) {}

  void learn(Seconds predicted, Seconds took);

  [[nodiscard]] double fraction() const;

 private:
  double initial_;
  Seconds predicted_{0};
  Seconds error_{0};
};

/// The channel's round trip: falls with a smaller sample at once, rises slowly, since what makes a
/// sample large is mostly not the channel.
class RoundTrip {
 public:
  void learn(Seconds sample);
  [[nodiscard]] std::optional<Seconds> value() const { return value_; }

 private:
  std::optional<Seconds> value_;
};

}  // namespace subunit::schedule
