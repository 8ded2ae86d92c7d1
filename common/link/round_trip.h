#pragma once

#include <optional>

#include "common/base/time.h"

namespace subunit {

/// How long to wait for an answer, after RFC 6298.
class RoundTrip {
 public:
  static constexpr Time kFirstTimeout = std::chrono::seconds(1);
  static constexpr Time kMinTimeout = std::chrono::milliseconds(50);
  static constexpr Time kMaxTimeout = std::chrono::seconds(5);

  /// Not of what was sent twice: nobody knows which of the two was answered (Karn's rule).
  void measured(Time round_trip);

  /// Doubled with every time-out since the last progress.
  [[nodiscard]] Time timeout() const;
  /// Without the doubling.
  [[nodiscard]] Time single_timeout() const;

  void timed_out() { ++timeouts_; }
  void progressed() { timeouts_ = 0; }
  /// Since the last progress.
  [[nodiscard]] int timeouts() const { return timeouts_; }

  /// The shortest so far.
  [[nodiscard]] std::optional<Time> shortest() const { return shortest_; }

 private:
  std::optional<Time> shortest_;
  Time smoothed_{0};
  Time variation_{0};
  int timeouts_ = 0;
};

/// How fast a line delivers that nobody has told the speed of.
class DeliveryRate {
 public:
  /// So many bytes have arrived within that time, and more were on their way.
  void measured(std::size_t bytes, Time time);

  /// Bytes a second; 0 if not known.
  [[nodiscard]] double bytes_per_second() const { return rate_; }

 private:
  static constexpr std::size_t kLeast = 1024;  // less than that is all waiting and no sending

  double rate_ = 0;
};

/// How long so many bytes take at that rate; nothing at a rate of 0.
[[nodiscard]] Time line_time(std::size_t bytes, double bytes_per_second);

}  // namespace subunit
