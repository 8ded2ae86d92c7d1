#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "common/link/frame/frame.h"

namespace subunit::link {

/// Payload is counted in blocks: each sequence number stands for up to so many bytes, so that a
/// frame that was lost can be sent again as several shorter ones. Only the last block of what was
/// sent as one frame at first may be shorter. 2^24 of them are far more than a terminal's
/// scrollback holds.
inline constexpr std::size_t kBlock = 30;

/// The sequence numbers that a frame takes up. The end of the stream takes one.
inline constexpr std::uint64_t blocks_of(std::size_t payload) {
  return std::max<std::uint64_t>(1, (payload + kBlock - 1) / kBlock);
}

/// Sequence numbers without the wrapping around, from this on: nothing is ever subtracted below 0.
inline constexpr std::uint64_t unwrapped_start(std::uint32_t first) {
  return std::uint64_t{kFrameNumbers} + first;
}

/// As it stands in a frame.
inline constexpr std::uint32_t wrapped(std::uint64_t number) {
  return static_cast<std::uint32_t>(number % kFrameNumbers);
}

/// The number next to `reference` that looks like `wire` in a frame.
inline constexpr std::uint64_t unwrapped(std::uint64_t reference, std::uint32_t wire) {
  constexpr std::uint32_t kHalf = kFrameNumbers / 2;
  const std::uint32_t ahead = (wire - wrapped(reference)) % kFrameNumbers;
  return ahead < kHalf ? reference + ahead : reference - (kFrameNumbers - ahead);
}

}  // namespace subunit::link
