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
