// Tests of Catch2, as they are. Build and run:
//
//     g++ stack_test.cc -o stack_test
//     subunit-proxy run -- ssh board subunit-proxy serve --adapter catch2 -- ./stack_test
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#include <vector>

TEST_CASE("a stack returns what came last", "[stack]") {
  std::vector<int> stack{1, 2};
  CHECK(stack.back() == 2);
  SECTION("also after a removal") {
    stack.pop_back();
    CHECK(stack.back() == 1);
  }
}

TEST_CASE("an empty stack, which is known to fail", "[stack][!mayfail]") {
  CHECK(std::vector<int>().capacity() > 0);
}
