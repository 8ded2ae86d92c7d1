#pragma once

#include <fmt/format.h>

#include <chrono>
#include <string>

namespace subunit {

/// A moment on the caller's monotonic clock, counted from a start of the caller's choice. Nothing
/// in common/ reads a clock: every time comes in as an argument.
using Time = std::chrono::nanoseconds;

/// A duration for a person: "30 s", "0.5 s".
inline std::string in_seconds(Time time) {
  return fmt::format("{:g} s", std::chrono::duration<double>(time).count());
}

}  // namespace subunit
