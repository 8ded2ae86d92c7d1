#include "common/base/regex.h"

#include <doctest/doctest.h>

namespace subunit {
namespace {

Regex regex(std::string_view expression) {
  return Regex::create("--match", expression).value();
}

TEST_CASE("an expression is found anywhere, where it stands first") {
  CHECK(regex("te.t").find("a test, a text") == "test");
  CHECK(regex("\\d+").find("test_10_of_20") == "10");
  CHECK(regex("(a|ab)(c|bcd)").find("xabcd") == "abcd");
  CHECK_FALSE(regex("tent").find("a test, a text"));
}

TEST_CASE("what is found is a part of the text") {
  const std::string text = "one two";
  const auto found = regex("two").find(text);
  REQUIRE(found);
  CHECK(found->data() == text.data() + 4);
}

TEST_CASE("^ and $ are the begin and the end of the text, not of its lines") {
  CHECK_FALSE(regex("^b").find("a\nb"));
  CHECK_FALSE(regex("a$").find("a\nb"));
  CHECK(regex("^a\nb$").find("a\nb"));
  CHECK(regex("").find("") == "");
}

TEST_CASE("a text of any length is looked at to its end") {
  const std::string text = std::string(3 << 20, 'x') + "end";
  CHECK(regex("x+end$").find(text) == text);
}

TEST_CASE("a character is a character of UTF-8, and other bytes match nothing") {
  CHECK(regex("^.$").find("ä"));
  CHECK_FALSE(regex("^.$").find("\xff"));
  CHECK(regex("# $").find("\xff# "));
}

TEST_CASE("what is not an expression is refused, with what is wrong") {
  for (const char* const expression : {"(", "[a", "*", "a{2,1}", "(a)\\1", "(?=a)", "\xff"}) {
    CAPTURE(expression);
    CHECK_FALSE(Regex::create("--match", expression));
  }
  CHECK(Regex::create("--match", "te(st").error().text ==
        R"(--match "te(st" is not a valid regular expression: missing ): te(st)");
}

}  // namespace
}  // namespace subunit
