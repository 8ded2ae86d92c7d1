#include <doctest/doctest.h>

#include "common/base/text.h"

using namespace subunit;
using namespace std::string_literals;

TEST_CASE("printable text is shown as it is") {
  CHECK(escaped("") == "");
  CHECK(escaped(" plain ~text!") == " plain ~text!");
  CHECK(escaped(Bytes()) == "");
}

TEST_CASE("everything else is shown by name or number") {
  CHECK(escaped("a\nb\rc\td\\e") == "a\\nb\\rc\\td\\\\e");
  CHECK(escaped("\0\x1B\x7F\x80\xB3\xFF"s) == "\\x00\\x1b\\x7f\\x80\\xb3\\xff");
}

TEST_CASE("on a terminal, text of others stays as it is, but for what would act on it") {
  for (const char* const text : {"", "plain\n\ttext", "größe 試験 e\u0301 \u2764\ufe0f 🚀", "\\x1b"})
    CHECK(harmless(text) == text);
  CHECK(harmless("a\x1b[2Jb\r\x7f") == "a\\x1b[2Jb\\x0d\\x7f");
  CHECK(harmless("\u009b\u202e\U000e0041") == "\\xc2\\x9b\\xe2\\x80\\xae\\xf3\\xa0\\x81\\x81");
  CHECK(harmless("\xff \xc3 \xe2\x82") == "\\xff \\xc3 \\xe2\\x82");
  CHECK(harmless("a\0b"s) == "a\\x00b");
  for (const char32_t c : {0xAD, 0x61C, 0x200B, 0x200F, 0x2028, 0x202A, 0x2060, 0x2069, 0xFEFF,
                           0x3164, 0xFFF9, 0xE0020, 0xE007F})
    CHECK(is_invisible(c));
  for (const char32_t c : {0x20, 0xE9, 0x300, 0x2010, 0x2030, 0xFE0F, 0x1F680, 0xF0000})
    CHECK_FALSE(is_invisible(c));
}

TEST_CASE("no byte comes out as anything but printable ASCII") {
  for (int value = 0; value < 256; ++value) {
    const std::string shown = escaped(std::string(1, static_cast<char>(value)));
    CHECK_FALSE(shown.empty());
    for (const char c : shown) CHECK((c >= 0x20 && c < 0x7F));
  }
}

TEST_CASE("different bytes are shown differently") {
  CHECK(escaped("\\n") != escaped("\n"));
  CHECK(escaped("\\x00") != escaped("\0"s));
}

TEST_CASE("what is too long is cut, and its length is told") {
  CHECK(escaped("12345", 5) == "12345");
  CHECK(escaped("123456", 5) == "12345… (6 bytes)");
  CHECK(escaped("\n\n\n", 2) == "\\n\\n… (3 bytes)");
  CHECK(escaped("ab", 0) == "… (2 bytes)");
  CHECK(escaped(std::string(200, 'x')) == std::string(200, 'x'));
  CHECK(escaped(std::string(201, 'x')) == std::string(200, 'x') + "… (201 bytes)");
}
