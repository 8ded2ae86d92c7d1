// Two test cases in two files have this name.
#include <doctest/doctest.h>

TEST_CASE("namesake") {
  CHECK(1 == 2);
}
