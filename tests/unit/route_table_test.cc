#include "common/run/remote/route_table.h"

#include <doctest/doctest.h>

using namespace subunit::run;

TEST_CASE(
    "behind one channel a worker has the proxy's number for it, in whatever order they come") {
  WorkerNumbers numbers(1);
  CHECK(numbers.take("2") == 2);
  CHECK(numbers.take("0") == 0);
  CHECK(numbers.take("1") == 1);
  CHECK(numbers.take("1") == 3);  // each is given once
}

TEST_CASE("workers without a number of their own get the lowest that is free") {
  WorkerNumbers one(1);
  CHECK(one.take("") == 0);
  CHECK(one.take("0/1") == 1);
  CHECK(one.take("1x") == 2);
  CHECK(one.take("99999999999999999999999") == 3);
  WorkerNumbers several(2);
  CHECK(several.take("1") == 0);
  CHECK(several.take("1") == 1);
}
