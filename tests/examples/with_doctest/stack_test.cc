// A doctest program that is also a test server:
//   g++ -std=c++14 stack_test.cc -o stack_test $(pkg-config --cflags --libs subunit-doctest-main)
//   subunit-proxy run -- subunit-proxy serve -- ./stack_test --subunit-rpc
#include <doctest/doctest.h>

#include <iostream>
#include <vector>

TEST_SUITE("stack") {
  TEST_CASE("a stack returns what came last") {
    std::vector<int> stack{1};

    SUBCASE("pushed") {
      stack.push_back(2);
      std::cout << "the stack has " << stack.size() << " numbers\n";
      CHECK(stack.back() == 2);
    }
    SUBCASE("popped") {
      stack.pop_back();
      CHECK(stack.empty());
    }
  }

  TEST_CASE("an empty stack throws" * doctest::skip()) {
    CHECK_THROWS(std::vector<int>().at(0));
  }
}

TEST_CASE_TEMPLATE("numbers begin with zero", T, int, long, double) {
  CHECK(T() == 0);
}
