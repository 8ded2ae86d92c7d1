#include "common/base/python_config.h"

#include <doctest/doctest.h>

using namespace subunit;

namespace {

std::string value(std::string_view text, std::string_view name = "key") {
  const auto config = PythonConfig::parse(text);
  REQUIRE_MESSAGE(config.has_value(), config.error().text);
  const auto found = config->get(name);
  REQUIRE_MESSAGE(found.has_value(), found.error().text);
  return found->value_or("(none)");
}

std::string complaint(std::string_view text) {
  const auto config = PythonConfig::parse(text);
  if (!config) return config.error().text;
  const auto found = config->get("key");
  REQUIRE_FALSE(found.has_value());
  return found.error().text;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("an option is a name, = or :, and a value") {
  CHECK(value("[DEFAULT]\nkey=value\n") == "value");
  CHECK(value("[DEFAULT]\r\n key : a = b \r\n") == "a = b");
  CHECK(value("[DEFAULT]\nKEY=value", "Key") == "value");
  CHECK(value("[DEFAULT]\nkey=\n") == "");
  CHECK(value("[DEFAULT]\nother=value\n") == "(none)");
  CHECK(value("") == "(none)");
}

TEST_CASE("only the section DEFAULT counts, however often it comes") {
  CHECK(value("[other]\nkey=1\nkey=2\n") == "(none)");
  CHECK(value("[DEFAULT]\na=1\n[other]\nkey=2\n  3\n[DEFAULT]\nkey=4\n") == "4");
}

TEST_CASE("comments begin lines and nothing else") {
  CHECK(value("# a\n; b\n[DEFAULT]\n  # c\nkey=sh -c 'd ; e' # f\n") == "sh -c 'd ; e' # f");
  CHECK(value("[DEFAULT]\nkey=1\n  # not this\n  2\n# nor this\n  3\n") == "1\n2\n3");
}

TEST_CASE("lines indented deeper than the name go on with the value") {
  CHECK(value("[DEFAULT]\nkey=\n  1\n\t2 = two\nnext=3\n") == "\n1\n2 = two");
  CHECK(value("[DEFAULT]\n  key=1\n  next=2\n") == "1");
  CHECK(value("[DEFAULT]\n  key=1\n   next=2\n") == "1\nnext=2");
  CHECK(value("[DEFAULT]\nkey=1\n\n  2\n\n\nnext=3") == "1\n\n2");
}

TEST_CASE("long lines are no other than short ones") {
  const std::string line(100'000, 'x');
  CHECK(value("[DEFAULT]\nkey=" + line + "\n  " + line) == line + "\n" + line);
}

TEST_CASE("two percent signs are one, and %(name)s is another value") {
  CHECK(value("[DEFAULT]\nkey=100 %% of %(what)s\nwhat=all\n") == "100 % of all");
  CHECK(value("[DEFAULT]\nkey=%(A)s%(a)s\na=%(b)s.\nb=%%\n") == "%.%.");
}

TEST_CASE("a percent sign that means nothing is an error that shows it") {
  CHECK(has(complaint("[DEFAULT]\nkey=a %d\n"), "\"%d\""));
  CHECK(has(complaint("[DEFAULT]\nkey=a %\n"), "\"%\""));
  CHECK(has(complaint("[DEFAULT]\nkey=a %(b)\nb=1"), "\"%(b)\""));
  CHECK(has(complaint("[DEFAULT]\nkey=%(nothing)s\n"), "\"%(nothing)s\""));
}

TEST_CASE("values that refer to each other end in an error and not in a loop") {
  CHECK(has(complaint("[DEFAULT]\nkey=%(other)s\nother=%(key)s\n"), "10 levels deep"));
  std::string doubling = "[DEFAULT]\nkey=%(a)s%(a)s%(a)s%(a)s\n";
  for (char c = 'a'; c < 'h'; ++c)
    doubling += fmt::format("{0}=%({1})s%({1})s%({1})s%({1})s\n", c, static_cast<char>(c + 1));
  CHECK(has(complaint(doubling + "h=" + std::string(100, 'x')), "longer than"));
}

TEST_CASE("a line that is neither a section nor an option is an error that shows it") {
  CHECK(has(complaint("key=1\n"), "line 1"));
  CHECK(has(complaint("[DEFAULT]\n\nwords without meaning\n"), "line 3"));
  CHECK(has(complaint("[DEFAULT]\n=1\n"), "\"=1\""));
  CHECK(has(complaint("\xEF\xBB\xBF[DEFAULT]\nkey=1\n"), "line 1"));
  CHECK(has(complaint("[DEFAULT]\nkey=1\nKey=2\n"), "line 3 sets the option"));
}
