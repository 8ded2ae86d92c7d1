#pragma once

#include "common/base/bytes.h"

namespace subunit::link {

// 24 bits in a frame's body, big-endian: a nonce or a sequence number.

inline constexpr std::size_t kNumberSize = 3;

inline std::uint32_t load_number(const std::uint8_t* p) {
  return static_cast<std::uint32_t>(p[0]) << 16 | static_cast<std::uint32_t>(p[1]) << 8 | p[2];
}

inline void append_number(Buffer& out, std::uint32_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 16));
  append_be16(out, static_cast<std::uint16_t>(value));
}

}  // namespace subunit::link
