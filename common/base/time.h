#pragma once

#include <chrono>

namespace subunit {

/// A moment on the caller's monotonic clock, counted from a start of the caller's choice. Nothing
/// in common/ reads a clock: every time comes in as an argument.
using Time = std::chrono::nanoseconds;

}  // namespace subunit
