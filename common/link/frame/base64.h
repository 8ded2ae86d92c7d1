#pragma once

#include <array>
#include <string_view>

#include "common/base/bytes.h"

namespace subunit::link {

/// The alphabet of RFC 4648, section 5: none of its characters means anything to a terminal.
inline constexpr std::string_view kBase64Digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// What a character is worth; kNoBase64 for those that are no digits.
inline constexpr std::uint8_t kNoBase64 = 0xFF;
inline constexpr auto kBase64Values = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoBase64);
  for (std::size_t value = 0; value < kBase64Digits.size(); ++value)
    values[static_cast<std::uint8_t>(kBase64Digits[value])] = static_cast<std::uint8_t>(value);
  return values;
}();

/// Characters that `size` bytes take, without padding.
constexpr std::size_t base64_size(std::size_t size) {
  return (size * 4 + 2) / 3;
}

void append_base64(Bytes bytes, Buffer& out);

/// Appends what `text` stands for. False if that is no base 64 without padding, or not as
/// append_base64() writes it; then the end of `out` is of no use. Looks no further than a few
/// characters behind the first wrong one.
[[nodiscard]] bool decode_base64(Bytes text, Buffer& out);

/// A number of so many digits, the most significant first.
void append_base64_number(std::uint64_t value, std::size_t digits, Buffer& out);

/// The number that `text` is, all of which must be digits.
[[nodiscard]] std::uint64_t load_base64_number(Bytes text);

}  // namespace subunit::link
