#include "common/adapter/xml/doctest_ids.h"

#include <doctest/doctest.h>

using subunit::adapter::doctest_ids;
using Ids = std::vector<std::string>;

TEST_CASE("a test case of doctest has its name as id, and as much more as tells it apart") {
  CHECK(doctest_ids({{"a.cc", 1, "one"}, {"a.cc", 2, "two"}}) == Ids{"one", "two"});
  CHECK(doctest_ids({{"x/a.cc", 1, "one"}, {"x/b.cc", 1, "one"}, {"x/b.cc", 2, "two"}}) ==
        Ids{"a.cc: one", "b.cc: one", "two"});
  CHECK(doctest_ids({{"x/a.cc", 1, "one"}, {"y/a.cc", 1, "one"}}) ==
        Ids{"x/a.cc: one", "y/a.cc: one"});
  CHECK(doctest_ids({{"a.cc", 1, "one"}, {"a.cc", 2, "one"}}) == Ids{"a.cc:1: one", "a.cc:2: one"});
}

TEST_CASE("a test case of doctest that nothing tells apart from others is counted") {
  // A template that is instantiated twice with types of one name.
  CHECK(doctest_ids({{"a.cc", 1, "one"}, {"a.cc", 1, "one"}, {"a.cc", 1, "one"}}) ==
        Ids{"a.cc:1: one", "a.cc:1: one #2", "a.cc:1: one #3"});
  CHECK(doctest_ids({{"b.cc", 1, "a.cc: one"}, {"a.cc", 1, "one"}, {"c.cc", 1, "one"}}) ==
        Ids{"a.cc: one", "a.cc: one #2", "c.cc: one"});
  CHECK(doctest_ids({{"a.cc", 1, "\xff"}, {"a.cc", 2, "\\xff"}}) == Ids{"\\xff", "\\xff #2"});
}

TEST_CASE("every test case of doctest has an id that is text") {
  CHECK(doctest_ids({{"a.cc", 1, ""}, {"a.cc", 2, "\xff"}}) == Ids{"a.cc: ", "\\xff"});
}
