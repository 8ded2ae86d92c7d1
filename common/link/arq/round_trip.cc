#include "common/link/arq/round_trip.h"

#include <algorithm>
#include <cstdlib>

namespace subunit::link {

namespace {

constexpr int kFreeTimeouts = 2;
constexpr int kMaxDoubtful = 4;

}  // namespace

void RoundTrip::measured(Time round_trip) {
  round_trip = std::max(round_trip, Time(0));
  if (!shortest_) {
    smoothed_ = round_trip;
    variation_ = round_trip / 2;
    shortest_ = round_trip;
    return;
  }
  shortest_ = std::min(*shortest_, round_trip);
  const Time off = round_trip > smoothed_ ? round_trip - smoothed_ : smoothed_ - round_trip;
  variation_ += (off - variation_) / 4;
  smoothed_ += (round_trip - smoothed_) / 8;
}

bool RoundTrip::measures(Time sent_at) {
  if (timed_out_at_ && sent_at < *timed_out_at_ && ++doubtful_ < kMaxDoubtful) return false;
  doubtful_ = 0;
  return true;
}

Time RoundTrip::single_timeout() const {
  if (!shortest_) return kFirstTimeout;
  return std::clamp(smoothed_ + 4 * variation_, kMinTimeout, kMaxTimeout);
}

Time RoundTrip::timeout() const {
  constexpr int kMaxDoublings = 8;  // beyond the longest time-out, and below any overflow
  const int doublings = std::clamp(doublings_ - kFreeTimeouts, 0, kMaxDoublings);
  return std::min(single_timeout() * (1 << doublings), kMaxTimeout);
}

void DeliveryRate::measured(std::size_t bytes, Time time) {
  if (bytes < kMin || time <= Time(0)) return;
  const double rate = static_cast<double>(bytes) / std::chrono::duration<double>(time).count();
  // A sender that pauses now and then sees less than the line can do, and never more.
  rate_ = std::max(rate, rate_ + (rate - rate_) / 8);
}

Time line_time(std::size_t bytes, double bytes_per_second) {
  if (bytes_per_second <= 0) return Time(0);
  const std::chrono::duration<double> time(static_cast<double>(bytes) / bytes_per_second);
  constexpr std::chrono::duration<double> kMax = std::chrono::seconds(30);
  return std::chrono::duration_cast<Time>(std::min(time, kMax));
}

std::size_t line_bytes(Time time, double bytes_per_second) {
  constexpr double kMax = 1 << 20;
  const double bytes = std::chrono::duration<double>(time).count() * bytes_per_second;
  return static_cast<std::size_t>(std::clamp(bytes, 0.0, kMax));
}

}  // namespace subunit::link
