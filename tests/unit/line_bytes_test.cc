#include "common/link/reader/line_bytes.h"

#include <doctest/doctest.h>

#include <string>

using namespace subunit;
using namespace subunit::link;

TEST_CASE("an escape sequence is known by its end, and waited for until then") {
  for (const std::string_view sequence :
       {"\x1B[K", "\x1B[?25l", "\x1B[38;5;1m", "\x1B[1 q", "\x1B]0;a title\x07", "\x1B]2;x\x1B\\",
        "\x1B(B", "\x1B%G"}) {
    CAPTURE(sequence);
    for (std::size_t size = 1; size < sequence.size(); ++size)
      CHECK(!escape_sequence(as_bytes(sequence.substr(0, size))));
    CHECK(escape_sequence(as_bytes(sequence)) == sequence.size());
    CHECK(escape_sequence(as_bytes(std::string(sequence) + "0K")) == sequence.size());
  }
}

TEST_CASE("what is no escape sequence is known at once") {
  for (const std::string_view other : {"\x1B"
                                       "A",
                                       "\x1B\x1B", "\x1B[\r", "\x1B[1\n", "\x1B]0;a\n",
                                       "\x1B]0;a\x1B[", "\x1B(\x1B", "\x1B[#", "\x1B]#", "\x1B#"}) {
    CAPTURE(other);
    CHECK(escape_sequence(as_bytes(other)) == 0);
  }
}

TEST_CASE("an escape sequence has a largest size") {
  for (const std::string start : {"\x1B[", "\x1B]", "\x1B("}) {
    const std::string fill(kMaxEscapeSequence, start == "\x1B(" ? '(' : '1');
    for (std::size_t size = 2; size < kMaxEscapeSequence; ++size)
      CHECK(!escape_sequence(as_bytes((start + fill).substr(0, size))));
    CHECK(escape_sequence(as_bytes(start + fill)) == 0);
  }
  const std::string end = "\x1B]" + std::string(kMaxEscapeSequence - 3, '1') + "\x1B";
  CHECK(escape_sequence(as_bytes(end)) == 0);
}

TEST_CASE(
    "outside of frames an escape sequence may be of any length, have a '#', and be two "
    "characters") {
  constexpr auto kAll = EscapeSequences::kAll;
  const std::string title = "\x1B]0;root@board:~#" + std::string(500, 'x') + "\x07";
  CHECK(escape_sequence(as_bytes(title + "# "), kAll) == title.size());
  for (const std::string two : {"\x1B"
                                "c",
                                "\x1B"
                                "=",
                                "\x1B"
                                "7"}) {
    CHECK(escape_sequence(as_bytes(two + "prompt"), kAll) == 2);
    CHECK(escape_sequence(as_bytes(two + "prompt")) == 0);
  }
  CHECK_FALSE(escape_sequence(as_bytes("\x1B]0;not all of it"), kAll));
}
