#include "common/base/text.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <iterator>

namespace subunit {
namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101;
constexpr std::uint64_t kHighs = 0x8080808080808080;

struct Lead {
  int length;           // of the whole character; 0: this byte starts none
  std::uint8_t lowest;  // what the second byte may be
  std::uint8_t highest;
};

// RFC 3629, section 4: the second byte's range is what rules out overlong forms, surrogates and
// code points above U+10FFFF.
Lead classify(std::uint8_t byte) {
  if (byte < 0xC2) return {0, 0, 0};
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte < 0xF0) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte < 0xF4) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

// True if all eight bytes are ASCII, and none is NUL where that is no text.
template <bool kNulIsText>
bool is_ascii_word(const std::uint8_t* p) {
  std::uint64_t word;
  std::memcpy(&word, p, sizeof word);
  // The subtraction sets a high bit for a zero byte, and the test for high bits is there anyway:
  // for bytes below 0x80 nothing else can set one.
  const std::uint64_t stop = kNulIsText ? word : word | (word - kOnes);
  return !(stop & kHighs);
}

template <bool kNulIsText>
Utf8Scan scan(Bytes bytes) {
  const std::uint8_t* const data = bytes.data();
  const std::size_t size = bytes.size();
  std::size_t at = 0;
  while (at < size) {
    if (size - at >= 8) {
      if (is_ascii_word<kNulIsText>(data + at)) {
        at += 8;
        continue;
      }
    } else if (at >= 8 && is_ascii_word<kNulIsText>(data + size - 8)) {
      break;  // the last word, overlapping the one before
    }
    const std::uint8_t byte = data[at];
    if (byte < 0x80) {
      if (!kNulIsText && byte == 0) return {at, false};
      ++at;
      continue;
    }
    const Lead lead = classify(byte);
    if (lead.length == 0) return {at, false};
    for (int i = 1; i < lead.length; ++i) {
      if (at + i == size) return {at, true};
      const std::uint8_t next = data[at + i];
      const bool fits =
          i == 1 ? next >= lead.lowest && next <= lead.highest : (next & 0xC0) == 0x80;
      if (!fits) return {at, false};
    }
    at += lead.length;
  }
  return {size, false};
}

}  // namespace

Utf8Scan scan_utf8(Bytes bytes) {
  return scan<true>(bytes);
}
Utf8Scan scan_text(Bytes bytes) {
  return scan<false>(bytes);
}

std::string shortened(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  text = text.substr(0, most);
  const Utf8Scan scan = scan_utf8(as_bytes(text));
  if (scan.cut) text = text.substr(0, scan.valid);
  return std::string(text) += "…";
}

std::string escaped(Bytes bytes, std::size_t most) {
  std::string out;
  for (const std::uint8_t byte : bytes.first(std::min(most, bytes.size()))) {
    switch (byte) {
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\\':
        out += "\\\\";
        break;
      default:
        if (byte >= 0x20 && byte < 0x7F) {
          out += static_cast<char>(byte);
        } else {
          fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte);
        }
    }
  }
  if (bytes.size() > most) fmt::format_to(std::back_inserter(out), "… ({} bytes)", bytes.size());
  return out;
}

std::string escaped(std::string_view text, std::size_t most) {
  return escaped(as_bytes(text), most);
}

char32_t code_point(std::string_view character) {
  const auto lead = static_cast<unsigned char>(character[0]);
  char32_t value = character.size() == 1 ? lead : lead & (0x7F >> character.size());
  for (const char byte : character.substr(1)) value = value << 6 | (byte & 0x3F);
  return value;
}

bool is_invisible(char32_t c) {
  // DerivedCoreProperties.txt of Unicode 15, Default_Ignorable_Code_Point, and what is named above.
  struct Range {
    char32_t first, last;
  };
  constexpr Range kRanges[] = {
      {0xAD, 0xAD},       {0x34F, 0x34F},   {0x61C, 0x61C},     {0x115F, 0x1160},
      {0x17B4, 0x17B5},   {0x180B, 0x180F}, {0x200B, 0x200F},   {0x2028, 0x202E},
      {0x2060, 0x206F},   {0x3164, 0x3164}, {0xFE00, 0xFE0E},   {0xFEFF, 0xFEFF},
      {0xFFA0, 0xFFA0},   {0xFFF0, 0xFFFB}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A},
      {0xE0000, 0xE0FFF},
  };
  if (c < kRanges[0].first) return false;
  return std::ranges::any_of(
      kRanges, [c](const Range& range) { return range.first <= c && c <= range.last; });
}

std::string harmless(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto byte = static_cast<unsigned char>(text[0]);
    if ((byte >= 0x20 && byte < 0x7F) || byte == '\n' || byte == '\t') {
      out += text[0];
      text.remove_prefix(1);
      continue;
    }
    const std::size_t length = std::clamp<std::size_t>(classify(byte).length, 1, text.size());
    const std::string_view character = text.substr(0, length);
    const bool whole = length > 1 && scan_utf8(as_bytes(character)).valid == length;
    const char32_t c = whole ? code_point(character) : 0;
    if (c >= 0xA0 && !is_invisible(c)) {
      out += character;
      text.remove_prefix(length);
      continue;
    }
    const std::size_t size = whole ? length : 1;
    for (const char each : character.substr(0, size))
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(each));
    text.remove_prefix(size);
  }
  return out;
}

}  // namespace subunit
