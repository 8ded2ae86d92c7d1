// Tests of Catch2 with every outcome: many fail on purpose.
#define CATCH_CONFIG_MAIN
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <string>

namespace {

// Before any test, and before a list.
const int noise = std::puts("noise");

}  // namespace

TEST_CASE("passes", "[quick][math]") {
  std::cout << "printed\n";
  CHECK(1 + 1 == 2);
}
TEST_CASE("fails, with a comma and [brackets]") {
  INFO("context");
  REQUIRE(1 + 1 == 3);
}
TEST_CASE("*stars* \"quotes\" \\ ~") {}
TEST_CASE("#hash") {}
TEST_CASE("is hidden", "[.]") {
  FAIL();
}
TEST_CASE("may fail, and does", "[!mayfail]") {
  CHECK(false);
}
TEST_CASE("should fail, and does", "[!shouldfail]") {
  CHECK(false);
}
TEST_CASE("should fail, and does not", "[!shouldfail]") {
  SUCCEED();
}
TEST_CASE("sections") {
  SECTION("left") {
    CHECK(true);
  }
  SECTION("right") {
    FAIL("told");
  }
}
TEST_CASE("throws") {
  throw std::runtime_error("a reason");
}
TEST_CASE("shows a form feed") {
  CHECK(std::string("\f") == "\v");
}
TEST_CASE("is Latin-1: \xE9") {}
TEST_CASE("may throw", "[!throws]") {}
TEST_CASE("crashes") {
  std::raise(SIGSEGV);
}
TEST_CASE("exits") {
  ::_exit(0);
}
TEST_CASE("hangs", "[.]") {
  for (;;) ::pause();
}
TEST_CASE("comes after a crash") {}
