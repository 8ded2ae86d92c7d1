#pragma once

#include <optional>

namespace proxy {

/// Bits on a serial line for each byte: start, eight of data, stop.
inline constexpr double kBitsPerByte = 10;

/// How many bytes a second the serial line behind a terminal carries, by its settings. Nothing for
/// a terminal that has no line behind it: a pseudo-terminal, a screen, the console of a hypervisor.
[[nodiscard]] std::optional<double> line_rate(int fd);

}  // namespace proxy
