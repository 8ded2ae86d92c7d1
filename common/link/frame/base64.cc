#include "common/link/frame/base64.h"

namespace subunit::link {
namespace {

std::uint8_t digit(std::uint32_t value) {
  return static_cast<std::uint8_t>(kBase64Digits[value & 0x3F]);
}

}  // namespace

void append_base64(Bytes bytes, Buffer& out) {
  const std::size_t before = out.size();
  out.resize(before + base64_size(bytes.size()));
  std::uint8_t* to = out.data() + before;
  const std::uint8_t* from = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 3; left -= 3, from += 3, to += 4) {
    const std::uint32_t group = static_cast<std::uint32_t>(from[0] << 16 | from[1] << 8 | from[2]);
    to[0] = digit(group >> 18);
    to[1] = digit(group >> 12);
    to[2] = digit(group >> 6);
    to[3] = digit(group);
  }
  if (left == 0) return;
  to[0] = digit(from[0] >> 2);
  to[1] = digit(static_cast<std::uint32_t>(from[0] << 4 | (left > 1 ? from[1] >> 4 : 0)));
  if (left > 1) to[2] = digit(static_cast<std::uint32_t>(from[1] << 2));
}

bool decode_base64(Bytes text, Buffer& out) {
  const std::size_t rest = text.size() % 4;
  if (rest == 1) return false;
  const std::size_t before = out.size();
  out.resize(before + text.size() / 4 * 3 + (rest > 0 ? rest - 1 : 0));
  std::uint8_t* to = out.data() + before;
  const std::uint8_t* from = text.data();
  for (std::size_t groups = text.size() / 4; groups > 0; --groups, from += 4, to += 3) {
    const std::uint32_t a = kBase64Values[from[0]], b = kBase64Values[from[1]],
                        c = kBase64Values[from[2]], d = kBase64Values[from[3]];
    if ((a | b | c | d) == kNoBase64) return false;
    const std::uint32_t group = a << 18 | b << 12 | c << 6 | d;
    to[0] = static_cast<std::uint8_t>(group >> 16);
    to[1] = static_cast<std::uint8_t>(group >> 8);
    to[2] = static_cast<std::uint8_t>(group);
  }
  if (rest == 0) return true;
  const std::uint32_t a = kBase64Values[from[0]], b = kBase64Values[from[1]],
                      c = rest == 3 ? kBase64Values[from[2]] : 0;
  if ((a | b | c) == kNoBase64) return false;
  const std::uint32_t group = a << 18 | b << 12 | c << 6;
  to[0] = static_cast<std::uint8_t>(group >> 16);
  if (rest == 3) to[1] = static_cast<std::uint8_t>(group >> 8);
  return (group & (rest == 3 ? 0xFF : 0xFFFF)) == 0;  // bits behind the last byte
}

void append_base64_number(std::uint64_t value, std::size_t digits, Buffer& out) {
  for (std::size_t shift = 6 * digits; shift > 0;) {
    shift -= 6;
    out.push_back(digit(static_cast<std::uint32_t>(value >> shift)));
  }
}

std::uint64_t load_base64_number(Bytes text) {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : text) value = value << 6 | kBase64Values[byte];
  return value;
}

}  // namespace subunit::link
