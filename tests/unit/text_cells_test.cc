#include "common/report/text_cells.h"

#include <doctest/doctest.h>

using subunit::report::TextCells;

namespace {

const TextCells& utf8() {
  static const TextCells cells("C.UTF-8");
  return cells;
}

const TextCells& ascii() {
  static const TextCells cells("C");
  return cells;
}

void check_fit(const TextCells& cells, std::string_view text, std::size_t columns,
               std::string_view shown, std::size_t width) {
  CAPTURE(text);
  CAPTURE(columns);
  const TextCells::Fitted fitted = cells.fit_end(text, columns);
  CHECK(fitted.text == shown);
  CHECK(fitted.columns == width);
}

}  // namespace

TEST_CASE("a text that fits stays as it is") {
  check_fit(utf8(), "", 0, "", 0);
  check_fit(utf8(), "a.test", 6, "a.test", 6);
  check_fit(utf8(), "größe", 5, "größe", 5);
  check_fit(ascii(), "a.test", 6, "a.test", 6);
}

TEST_CASE("of a text that does not fit the end is shown, behind an ellipsis") {
  check_fit(utf8(), "module.test_name", 10, "…test_name", 10);
  check_fit(utf8(), "abc", 1, "…", 1);
  check_fit(utf8(), "abc", 0, "", 0);
  check_fit(ascii(), "module.test_name", 11, "..test_name", 11);
  check_fit(ascii(), "abc", 1, "", 0);
}

TEST_CASE("wide characters take two columns, and are never cut in half") {
  check_fit(utf8(), "試験", 4, "試験", 4);
  check_fit(utf8(), "試験する", 5, "…する", 5);
  check_fit(utf8(), "試験する", 4, "…る", 3);
}

TEST_CASE("a combining character stays with its letter, and takes no column") {
  check_fit(utf8(), "e\u0301te\u0301", 3, "e\u0301te\u0301", 3);
  check_fit(utf8(), "abe\u0301te\u0301", 4, "…e\u0301te\u0301", 4);
  check_fit(utf8(), "abe\u0301te\u0301", 3, "…te\u0301", 3);
}

TEST_CASE("what would act on the terminal, or on the order of the text, is escaped") {
  check_fit(utf8(), "a\x1b[2Jb", 10, "a\\x1b[2Jb", 9);
  check_fit(utf8(), "a\nb", 10, "a\\nb", 4);
  check_fit(utf8(), "\u009b", 10, "\\xc2\\x9b", 8);                 // CSI as one character
  check_fit(utf8(), "a\u202eb", 20, "a\\xe2\\x80\\xaeb", 14);       // right-to-left override
  check_fit(utf8(), "\U000e0041", 20, "\\xf3\\xa0\\x81\\x81", 16);  // tag
  check_fit(utf8(), "\u3164", 20, "\\xe3\\x85\\xa4", 12);           // filler
  check_fit(utf8(), "\u200d", 20, "\\xe2\\x80\\x8d", 12);           // joiner
  check_fit(utf8(),
            "\xff"
            "a",
            20, "\\xffa", 5);
  check_fit(utf8(), "a\\b", 20, "a\\\\b", 4);
}

TEST_CASE("an escape is shown whole or not at all") {
  check_fit(utf8(),
            "\x1b"
            "abc",
            5, "…abc", 4);
  check_fit(utf8(),
            "\x1b"
            "abc",
            7, "\\x1babc", 7);
}

TEST_CASE("a character that may be shown wide counts as wide") {
  check_fit(utf8(), "\u2764\ufe0f", 2, "\u2764\ufe0f", 2);
}

TEST_CASE("outside of UTF-8 everything but ASCII is escaped") {
  check_fit(ascii(), "größe", 19, "gr\\xc3\\xb6\\xc3\\x9fe", 19);
}

TEST_CASE("a text of megabytes costs no more than what is shown of it") {
  const std::string text(4 << 20, 'x');
  check_fit(utf8(), text, 5, "…xxxx", 5);
  std::string marks = "a";
  for (int i = 0; i < 1 << 20; ++i) marks += "\u0301";
  CHECK(utf8().fit_end(marks, 10).text.size() < 200);
}
