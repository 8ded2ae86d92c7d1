#include "common/report/id_list.h"

#include <doctest/doctest.h>

using namespace subunit::report;

namespace {

using Ids = std::vector<std::string>;

std::string listed(const Ids& ids) {
  std::string text;
  for (const std::string& id : ids) append_id(text, id);
  return text;
}

}  // namespace

TEST_CASE("an id stands in a list as it is") {
  const Ids ids{"a.b.C.test_d",   "with spaces",   " blank before", "größe",
                "back\\slash\\n", "\"so\" called", "esc\x1b[0m"};
  std::string text;
  for (const std::string& id : ids) text += id + "\n";
  CHECK(listed(ids) == text);
  CHECK(parse_ids(text) == ids);
}

TEST_CASE("an id that a line would change stands there as a JSON string") {
  CHECK(listed({"a[one\ntwo]"}) == "\"a[one\\ntwo]\"\n");
  const Ids ids{"a[one\ntwo]",
                "blank at its end ",
                "\t",
                "",
                "\"quoted\"",
                "\"",
                "cr\r",
                "\xEF\xBB\xBFmark",
                std::string("nul\0inside\n", 11)};
  CHECK(parse_ids(listed(ids)) == ids);
}

TEST_CASE("blank lines, blanks at the end, CR and a byte order mark are not part of ids") {
  CHECK(parse_ids("\xEF\xBB\xBF"
                  "a \r\n\n  \n b\t\nc") == Ids{"a", " b", "c"});
  CHECK(parse_ids("").empty());
  CHECK(parse_ids(" \n").empty());
}

TEST_CASE("what is in quotes and not JSON is an id like any other") {
  CHECK(parse_ids("\"a\"b\"\n") == Ids{"\"a\"b\""});
}
