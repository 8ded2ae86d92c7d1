#include "common/schedule/fleet/speed.h"

#include <algorithm>
#include <cmath>

namespace subunit::schedule {
namespace {

constexpr double kErrorMemory = 1 - 1 / 32.;  // about the last 32 predictions
constexpr double kRoundTripRise = 1 / 8.;     // of the difference to a larger sample
constexpr double kMin = 1e-3, kMax = 1e3;     // factors beyond are no speeds of machines
constexpr Seconds kNothing(1e-9);             // below the resolution of any clock

}  // namespace

void Slowness::learn(Seconds expected, Seconds took) {
  expected_ = expected_ * keep_ + std::max(expected, kNothing);
  took_ = took_ * keep_ + took;
  tests_ = tests_ * keep_ + 1;
}

double Slowness::factor(double otherwise) const {
  if (!known()) return otherwise;
  const Seconds one = expected_ / tests_;
  return std::clamp((took_ + one * otherwise) / (expected_ + one), kMin, kMax);
}

void PredictionError::learn(Seconds predicted, Seconds took) {
  predicted_ = predicted_ * kErrorMemory + std::max(predicted, kNothing);
  error_ = error_ * kErrorMemory + Seconds(std::abs((took - predicted).count()));
}

double PredictionError::fraction() const {
  return predicted_ == Seconds(0) ? initial_ : std::min(error_ / predicted_, 1.);
}

void RoundTrip::learn(Seconds sample) {
  if (!value_ || sample < *value_) {
    value_ = sample;
  } else {
    *value_ += (sample - *value_) * kRoundTripRise;
  }
}

}  // namespace subunit::schedule
