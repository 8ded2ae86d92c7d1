#pragma once

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>

namespace subunit {

/// A moment on the caller's monotonic clock, counted from a start of the caller's choice. Nothing
/// in common/ reads a clock: every time comes in as an argument.
using Time = std::chrono::nanoseconds;

/// The earlier one of two deadlines; nothing is never.
inline std::optional<Time> earlier(std::optional<Time> one, std::optional<Time> other) {
  if (!one || !other) return one ? one : other;
  return std::min(*one, *other);
}

/// A duration for a person: "30 s", "0.5 s".
inline std::string in_seconds(Time time) {
  return fmt::format("{:g} s", std::chrono::duration<double>(time).count());
}

/// The longest time that anybody says in seconds: a third of a year, which is for ever.
inline constexpr double kMaxSeconds = 1e7;

/// Nothing for what is negative, no number, or above kMaxSeconds.
inline std::optional<Time> from_seconds(double seconds) {
  if (!(seconds >= 0 && seconds <= kMaxSeconds)) return std::nullopt;
  // Rounded: what was written as seconds is read as the same time.
  return std::chrono::round<Time>(std::chrono::duration<double>(seconds));
}

}  // namespace subunit
