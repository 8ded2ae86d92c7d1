#pragma once

#include <chrono>
#include <optional>

#include "common/base/time.h"
#include "common/subunit/packet.h"

namespace proxy {

/// Puts moments of another machine's clock on ours.
///
/// How far the clocks are apart is not known, and neither is how long a packet was on its way. The
/// least difference between a packet's arrival and its timestamp is both together for the packet
/// that was fastest, and is taken for all of them. So durations are what the other machine
/// measured, and moments are late by what the fastest packet took.
class RemoteClock {
 public:
  /// A packet that seems to have taken so much longer than another one has not: the other machine's
  /// clock was set back.
  static constexpr auto kMaxDelay = std::chrono::seconds(10);

  /// When what a packet with this timestamp tells has happened: never after its arrival.
  [[nodiscard]] subunit::Time when(subunit::Timestamp timestamp, subunit::Time arrival);

 private:
  std::optional<subunit::Time> ahead_;  // our clock, of theirs
};

}  // namespace proxy
