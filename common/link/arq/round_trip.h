#pragma once

#include <algorithm>
#include <optional>

#include "common/base/time.h"

namespace subunit::link {

/// How long to wait for an answer, after RFC 6298.
class RoundTrip {
 public:
  static constexpr Time kFirstTimeout = std::chrono::seconds(1);
  static constexpr Time kMinTimeout = std::chrono::milliseconds(50);
  static constexpr Time kMaxTimeout = std::chrono::seconds(5);

  /// Not of what was sent twice: nobody knows which of the two was answered (Karn's rule).
  void measured(Time round_trip);

  /// Doubled with time-outs since the last progress, but for the first two: they may be two losses.
  [[nodiscard]] Time timeout() const;
  /// Without the doubling.
  [[nodiscard]] Time single_timeout() const;

  /// `spoiled`: something has come since the last one, and was damaged. So the line is neither slow
  /// nor still.
  void timed_out(bool spoiled, Time now) {
    ++timeouts_;
    if (!spoiled) ++doublings_;
    timed_out_at_ = now;
  }
  void progressed() { timeouts_ = doublings_ = 0; }
  /// Whether the answer to what was sent then may be measured. If it was late, nobody knows whether
  /// an earlier answer was lost; so it may only if that is always so.
  [[nodiscard]] bool measures(Time sent_at);
  /// Since the last progress.
  [[nodiscard]] int timeouts() const { return timeouts_; }

  /// The shortest so far.
  [[nodiscard]] std::optional<Time> shortest() const { return shortest_; }

 private:
  std::optional<Time> shortest_;
  Time smoothed_{0};
  Time variation_{0};
  int timeouts_ = 0;
  int doublings_ = 0;
  std::optional<Time> timed_out_at_;
  int doubtful_ = 0;  // answers in a row
};

/// How fast a line delivers that nobody has told the speed of.
class DeliveryRate {
 public:
  /// So many bytes have arrived within that time, and more were on their way.
  void measured(std::size_t bytes, Time time);

  /// Bytes a second; 0 if not known.
  [[nodiscard]] double bytes_per_second() const { return rate_; }

 private:
  static constexpr std::size_t kMin = 1024;  // less than that is all waiting and no sending

  double rate_ = 0;
};

/// How long so many bytes take at that rate; nothing at a rate of 0.
[[nodiscard]] Time line_time(std::size_t bytes, double bytes_per_second);
/// How many bytes the line takes in that time.
[[nodiscard]] std::size_t line_bytes(Time time, double bytes_per_second);

/// Lets out no more than the line takes, so that what is urgent does not stand behind seconds of
/// other bytes in somebody's buffer.
class Pacer {
 public:
  /// So much may wait in those buffers: a timer that comes late leaves no gap.
  static constexpr Time kAhead = std::chrono::milliseconds(20);

  void set_rate(double bytes_per_second) { rate_ = bytes_per_second; }
  [[nodiscard]] double bytes_per_second() const { return rate_; }

  /// From then on a frame may be written.
  [[nodiscard]] Time ready_at() const { return busy_until_ - kAhead; }

  void sent(std::size_t bytes, Time now) {
    busy_until_ = std::max(busy_until_, now) + line_time(bytes, rate_);
  }

 private:
  double rate_ = 0;  // 0: whatever comes
  Time busy_until_{0};
};

}  // namespace subunit::link
