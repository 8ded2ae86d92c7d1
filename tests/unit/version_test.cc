#include <doctest/doctest.h>

#include "common/rpc/message.h"

using namespace subunit;
using namespace subunit::rpc;

TEST_CASE("both sides use the highest version in common") {
  CHECK(negotiate({.max = 1, .min = 1}, {.max = 1, .min = 1}) == 1);
  CHECK(negotiate({.max = 5, .min = 1}, {.max = 1, .min = 1}) == 1);
  CHECK(negotiate({.max = 1, .min = 1}, {.max = 5, .min = 1}) == 1);
  CHECK(negotiate({.max = 5, .min = 1}, {.max = 9, .min = 3}) == 5);
  CHECK(negotiate({.max = 5, .min = 2}, {.max = 2, .min = 0}) == 2);
}

TEST_CASE("no version in common is an error that names both ranges") {
  const auto newer = negotiate({.max = 5, .min = 3}, {.max = 2, .min = 1});
  REQUIRE_FALSE(newer);
  CHECK(newer.error().text ==
        "no version of the protocol in common: this side speaks versions 3 to 5, the other "
        "versions 1 to 2");
  const auto older = negotiate({.max = 1, .min = 1}, {.max = 3, .min = 2});
  REQUIRE_FALSE(older);
  CHECK(older.error().text ==
        "no version of the protocol in common: this side speaks version 1, the other versions 2 "
        "to 3");
}
