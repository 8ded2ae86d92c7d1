#pragma once

#include <chrono>

#include "common/subunit/packet.h"

namespace proxy {

/// The time of day, for packets that this program writes itself.
inline subunit::Timestamp wall_clock() {
  using std::chrono::duration_cast;
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds = duration_cast<std::chrono::seconds>(since_epoch);
  return {.seconds = static_cast<std::uint32_t>(seconds.count()),
          .nanoseconds = static_cast<std::uint32_t>(
              duration_cast<std::chrono::nanoseconds>(since_epoch - seconds).count())};
}

}  // namespace proxy
