#include "common/base/shell_words.h"

#include <doctest/doctest.h>

using namespace subunit;
using namespace std::string_literals;

namespace {

Words words(std::string_view line) {
  const auto commands = split_commands(line);
  REQUIRE_MESSAGE(commands.has_value(), commands.error().text);
  REQUIRE(commands->size() == 1);
  return commands->front();
}

std::string complaint(std::string_view text) {
  const auto commands = split_commands(text);
  REQUIRE_FALSE(commands.has_value());
  return commands.error().text;
}

}  // namespace

TEST_CASE("blanks separate words") {
  CHECK(words("ssh board  subunit-proxy\tserve ") ==
        Words{"ssh", "board", "subunit-proxy", "serve"});
  CHECK(words("one\r") == Words{"one"});
}

TEST_CASE("single quotes keep everything") {
  CHECK(words(R"(sh -c 'a "b" $c \d #e')") == Words{"sh", "-c", R"(a "b" $c \d #e)"});
}

TEST_CASE("double quotes keep everything but four escapes") {
  CHECK(words(R"("a 'b' \$c \`d \"e\" \\f \g")") == Words{R"(a 'b' $c `d "e" \f \g)"});
}

TEST_CASE("a backslash outside of quotes keeps the next character") {
  CHECK(words(R"(a\ b \'c \\ \#)") == Words{"a b", "'c", "\\", "#"});
}

TEST_CASE("quoted pieces side by side are one word, and an empty one is a word") {
  CHECK(words(R"(a'b'"c"\d '' "" x"")") == Words{"abcd", "", "", "x"});
}

TEST_CASE("nothing is expanded and nothing is an operator") {
  CHECK(words("a $HOME ~ * `b` | c; d>e &&") ==
        Words{"a", "$HOME", "~", "*", "`b`", "|", "c;", "d>e", "&&"});
}

TEST_CASE("each line is a command; lines without words are none") {
  const auto commands = split_commands("one 1\n\n  # a comment\ntwo#2 # another 'one\n\t\nthree");
  REQUIRE(commands.has_value());
  CHECK(*commands == std::vector<Words>{{"one", "1"}, {"two#2"}, {"three"}});
  CHECK(split_commands("")->empty());
  CHECK(split_commands("# only this")->empty());
}

TEST_CASE("a line that ends in a backslash goes on in the next, and so does a quote") {
  CHECK(words("ssh \\\nboard ser\\\nve") == Words{"ssh", "board", "serve"});
  CHECK(words("'a\nb' \"c\nd\\\ne\"") == Words{"a\nb", "c\nde"});
}

TEST_CASE("a quote without its end is an error that shows the line where it begins") {
  CHECK(complaint("good\nssh 'board\nmore\n").find("\"ssh 'board\"") != std::string::npos);
  CHECK(complaint("echo \"x\\\"").find("quote (\") is never closed") != std::string::npos);
  CHECK(complaint("echo \\").find("\"echo \\\\\"") != std::string::npos);
}

TEST_CASE("a NUL byte, which no command can have, is an error") {
  CHECK(complaint("echo 'a\0b'"s).find("NUL") != std::string::npos);
}
