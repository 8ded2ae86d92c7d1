#include "common/link/reader/line_bytes.h"

#include <algorithm>

#include "common/link/frame/base64.h"

namespace subunit::link {
namespace {

constexpr std::uint8_t kEsc = 0x1B;
constexpr std::uint8_t kBel = 0x07;

constexpr auto kKinds = [] {
  std::array<ByteKind, 256> kinds{};
  kinds.fill(ByteKind::kForeign);
  for (const char digit : kBase64Digits) kinds[static_cast<std::uint8_t>(digit)] = ByteKind::kDigit;
  for (const int byte : {0x0D, 0x0A, 0x20, 0x00, 0x11, 0x13})
    kinds[static_cast<std::size_t>(byte)] = ByteKind::kIgnored;
  kinds[kEsc] = ByteKind::kEscape;
  return kinds;
}();

constexpr std::uint8_t kMark = '#';

/// Moves `at` behind any number of bytes of `low` to `high`.
void skip_range(Bytes bytes, std::size_t& at, std::uint8_t low, std::uint8_t high) {
  while (at < bytes.size() && bytes[at] >= low && bytes[at] <= high && bytes[at] != kMark) ++at;
}

/// What follows the parameters: one byte of `low` to 7E.
std::optional<std::size_t> end_of_sequence(Bytes bytes, std::size_t at, std::uint8_t low) {
  if (at >= kMaxEscapeSequence) return 0;
  if (at == bytes.size()) return std::nullopt;
  return bytes[at] >= low && bytes[at] <= 0x7E ? at + 1 : 0;
}

std::optional<std::size_t> osc_sequence(Bytes bytes) {
  for (std::size_t at = 2; at < kMaxEscapeSequence; ++at) {
    if (at == bytes.size()) return std::nullopt;
    if (bytes[at] == kBel) return at + 1;
    if (bytes[at] == kEsc) {  // ESC \ ends it too
      if (at + 1 == kMaxEscapeSequence) return 0;
      if (at + 1 == bytes.size()) return std::nullopt;
      return bytes[at + 1] == '\\' ? at + 2 : 0;
    }
    if (bytes[at] < 0x20 || bytes[at] == kMark) return 0;
  }
  return 0;
}

}  // namespace

ByteKind byte_kind(std::uint8_t byte) {
  return kKinds[byte];
}

bool ignored_in_dense(std::uint8_t byte) {
  return byte == '\r' || byte == '\n' || byte == 0x11 || byte == 0x13;
}

std::optional<std::size_t> escape_sequence(Bytes bytes) {
  if (bytes.size() < 2) return std::nullopt;
  bytes = bytes.first(std::min(bytes.size(), kMaxEscapeSequence));
  std::size_t at = 2;
  switch (bytes[1]) {
    case '[':
      skip_range(bytes, at, 0x30, 0x3F);
      skip_range(bytes, at, 0x20, 0x2F);
      return end_of_sequence(bytes, at, 0x40);
    case ']':
      return osc_sequence(bytes);
    default:
      if (bytes[1] < 0x20 || bytes[1] > 0x2F || bytes[1] == kMark) return 0;
      skip_range(bytes, at, 0x20, 0x2F);
      return end_of_sequence(bytes, at, 0x30);
  }
}

}  // namespace subunit::link
