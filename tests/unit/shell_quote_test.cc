#include <doctest/doctest.h>

#include "common/base/shell_words.h"

using namespace subunit;

TEST_CASE("a shell takes a quoted text for one word that is that text") {
  CHECK(shell_quote("a.b.C.test_d-1") == "a.b.C.test_d-1");
  CHECK(shell_quote("") == "''");
  CHECK(shell_quote("a b") == "'a b'");
  CHECK(shell_quote("it's \"$HOME\"") == R"('it'\''s "$HOME"')");
  CHECK(shell_quote("größe") == "'größe'");
  CHECK(shell_quote("~") == "'~'");
}
