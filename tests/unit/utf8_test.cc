#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "common/base/text.h"

using namespace subunit;
using namespace std::string_literals;

namespace {

/// The encoding of a code point, by the table of RFC 3629, section 3.
std::string encoded(std::uint32_t c) {
  const auto tail = [c](int shift) { return static_cast<char>(0x80 | (c >> shift & 0x3F)); };
  if (c < 0x80) return {static_cast<char>(c)};
  if (c < 0x800) return {static_cast<char>(0xC0 | c >> 6), tail(0)};
  if (c < 0x10000) return {static_cast<char>(0xE0 | c >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xF0 | c >> 18), tail(12), tail(6), tail(0)};
}

bool is_code_point(std::uint32_t c) {
  return c < 0x110000 && !(c >= 0xD800 && c < 0xE000);
}

/// A scanner that knows no rules, only the encodings of all code points and how they start.
class Reference {
 public:
  Reference() {
    for (std::uint32_t c = 0; c < 0x110000; ++c) {
      if (!is_code_point(c)) continue;
      const std::string bytes = encoded(c);
      for (std::size_t size = 1; size < bytes.size(); ++size)
        starts_[size - 1][key(bytes.substr(0, size))] = true;
      if (bytes.size() < 4) {
        characters_[bytes.size() - 1][key(bytes)] = true;
      } else {
        long_characters_.push_back(key(bytes));
      }
    }
    std::sort(long_characters_.begin(), long_characters_.end());
  }

  [[nodiscard]] Utf8Scan scan(std::string_view bytes, bool nul_is_text) const {
    std::size_t at = 0;
    while (at < bytes.size()) {
      const std::size_t size = length_of_character(bytes.substr(at));
      if (size == 0) return {at, is_start(bytes.substr(at))};
      if (bytes[at] == '\0' && !nul_is_text) return {at, false};
      at += size;
    }
    return {at, false};
  }

 private:
  static std::uint32_t key(std::string_view bytes) {
    std::uint32_t key = 0;
    for (const char byte : bytes) key = key << 8 | static_cast<std::uint8_t>(byte);
    return key;
  }

  [[nodiscard]] std::size_t length_of_character(std::string_view bytes) const {
    for (std::size_t size = 1; size <= std::min<std::size_t>(3, bytes.size()); ++size)
      if (characters_[size - 1][key(bytes.substr(0, size))]) return size;
    if (bytes.size() < 4) return 0;
    const bool found = std::binary_search(long_characters_.begin(), long_characters_.end(),
                                          key(bytes.substr(0, 4)));
    return found ? 4 : 0;
  }

  [[nodiscard]] bool is_start(std::string_view bytes) const {
    return bytes.size() < 4 && starts_[bytes.size() - 1][key(bytes)];
  }

  using Set = std::vector<bool>;
  Set characters_[3] = {Set(1 << 8), Set(1 << 16), Set(1 << 24)};
  Set starts_[3] = {Set(1 << 8), Set(1 << 16), Set(1 << 24)};
  std::vector<std::uint32_t> long_characters_;
};

const Reference& reference() {
  static const Reference made_once;
  return made_once;
}

bool agrees(std::string_view bytes) {
  const auto same = [](const Utf8Scan& a, const Utf8Scan& b) {
    return a.valid == b.valid && a.cut == b.cut;
  };
  return same(scan_utf8(as_bytes(bytes)), reference().scan(bytes, true)) &&
         same(scan_text(as_bytes(bytes)), reference().scan(bytes, false));
}

void check_agrees(std::string_view bytes) {
  // The second time in a place of its own, where a sanitizer sees a read beyond the end.
  if (agrees(bytes) && (bytes.size() < 4 || agrees(as_text(Buffer(bytes.begin(), bytes.end())))))
    return;
  FAIL_CHECK("the scanner and the reference disagree on " << escaped(bytes));
}

}  // namespace

TEST_CASE("well-formed text is valid to its end") {
  for (const std::string& text :
       {""s, "plain"s, "caf\xC3\xA9"s, "\xE2\x82\xAC"s, "\xF0\x9F\x98\x80"s, "\xEF\xBF\xBF"s,
        "\xF4\x8F\xBF\xBF"s, "12345678\xC3\xA9"s}) {
    CHECK(scan_utf8(as_bytes(text)).valid == text.size());
    CHECK_FALSE(scan_utf8(as_bytes(text)).cut);
    CHECK(is_text(as_bytes(text)));
  }
}

TEST_CASE("a character that is cut by the end is told from one that is wrong") {
  CHECK(scan_text(as_bytes("a\xE2\x82")).cut);
  CHECK(scan_text(as_bytes("a\xE2\x82")).valid == 1);
  CHECK(scan_text(as_bytes("\xF0\x9F\x98")).cut);
  CHECK_FALSE(scan_text(as_bytes("\xE2\x28")).cut);
  CHECK_FALSE(scan_text(as_bytes("\xED\xA0")).cut);  // would become a surrogate
  CHECK_FALSE(scan_text(as_bytes("\xC0")).cut);      // would become overlong
  CHECK_FALSE(scan_text(as_bytes("\xF4\x90")).cut);  // would become more than U+10FFFF
  CHECK_FALSE(is_text(as_bytes("a\xE2\x82")));
}

TEST_CASE("NUL is a character of UTF-8 and none of a packet's text") {
  for (std::size_t at = 0; at < 20; ++at) {
    std::string text(20, 'x');
    text[at] = '\0';
    CHECK(scan_utf8(as_bytes(text)).valid == 20);
    CHECK(scan_text(as_bytes(text)).valid == at);
    CHECK_FALSE(scan_text(as_bytes(text)).cut);
  }
}

TEST_CASE("every sequence of one, two and three bytes is judged as by the reference") {
  check_agrees("");
  std::string bytes(3, '\0');
  for (std::uint32_t value = 0; value < 1 << 24; ++value) {
    bytes = {static_cast<char>(value >> 16), static_cast<char>(value >> 8),
             static_cast<char>(value)};
    if (value < 1 << 8) check_agrees(std::string_view(bytes).substr(2));
    if (value < 1 << 16) check_agrees(std::string_view(bytes).substr(1));
    check_agrees(bytes);
  }
}

TEST_CASE("sequences of four bytes are judged as by the reference") {
  for (int lead = 0xEF; lead <= 0xFF; ++lead) {
    for (int second = 0; second < 256; ++second) {
      for (const int third : {0x00, 0x7F, 0x80, 0x9F, 0xBF, 0xC0, 0xFF}) {
        for (const int fourth : {0x00, 0x7F, 0x80, 0xBF, 0xC0, 0xF0})
          check_agrees(std::string{static_cast<char>(lead), static_cast<char>(second),
                                   static_cast<char>(third), static_cast<char>(fourth)});
      }
    }
  }
}

TEST_CASE("a sequence is judged alike wherever in longer text it stands") {
  // The scanner takes ASCII eight bytes at a time: everything must be found at each of the eight
  // places, at each alignment in memory, with every number of bytes behind it.
  const std::string sequences[] = {"\0"s,           "\x80"s,
                                   "\xC3"s,         "\xC3\xA9"s,
                                   "\xE2\x82"s,     "\xE2\x82\xAC"s,
                                   "\xF0\x9F\x98"s, "\xF0\x9F\x98\x80"s,
                                   "\xED\xA0\x80"s, "\x01"s,
                                   "\x7F"s,         "\xFF"s,
                                   "\xC0\x80"s,     "\xF4\x90\x80\x80"s};
  for (const std::string& sequence : sequences) {
    for (std::size_t before = 0; before < 24; ++before) {
      for (std::size_t behind = 0; behind < 18; ++behind) {
        for (std::size_t offset = 0; offset < 8; ++offset) {
          const std::string memory = std::string(offset, '\xFF') + std::string(before, 'a') +
                                     sequence + std::string(behind, 'z') + '\xFF';
          check_agrees(std::string_view(memory).substr(offset, memory.size() - offset - 1));
        }
      }
    }
  }
}

TEST_CASE("random mixtures of characters and damage are judged as by the reference") {
  std::mt19937 random(8);
  const auto below = [&random](std::uint32_t bound) {
    return static_cast<std::uint32_t>(random()) % bound;
  };
  for (int round = 0; round < 20000; ++round) {
    std::string bytes;
    const auto damage = below(4);  // in a quarter of them none at all
    for (auto pieces = below(30); pieces > 0; --pieces) {
      switch (below(6)) {
        case 0:
          bytes += encoded(1 + below(0x7F));
          break;
        case 1:
          bytes += encoded(0x80 + below(0x780));
          break;
        case 2:
          if (const std::uint32_t c = 0x800 + below(0xF800); is_code_point(c)) bytes += encoded(c);
          break;
        case 3:
          bytes += encoded(0x10000 + below(0x100000));
          break;
        case 4:
          bytes += std::string(below(20), 'a');
          break;
        default:
          if (damage == 1) bytes += static_cast<char>(random());
          if (damage == 2) bytes += encoded(0x10000 + below(0x100000)).substr(0, 1 + below(3));
          if (damage == 3 && below(8) == 0) bytes += '\0';
      }
    }
    if (below(2) == 0) bytes.resize(random() % (bytes.size() + 1));
    check_agrees(bytes);
  }
}

TEST_CASE("text is shortened between two characters, and says so") {
  CHECK(shortened("", 0) == "");
  CHECK(shortened("abc", 3) == "abc");
  CHECK(shortened("abcd", 3) == "abc…");
  CHECK(shortened("a\u20AC\u20AC", 6) == "a\u20AC…");
  CHECK(shortened("a\u20AC\u20AC", 4) == "a\u20AC…");
  CHECK(shortened("a\u20AC\u20AC", 2) == "a…");
  CHECK(shortened("\xFF\xFF\xFF", 2) == "\xFF\xFF…");
}
