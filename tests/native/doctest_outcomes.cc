// Every kind of test case that doctest has, with every outcome: many fail on purpose. Environment
// variables, in which the end-to-end tests ask for it, add a thread.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <subunit-proxy/doctest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <thread>

TEST_CASE("passes") {
  std::cout << "printed\n";
  MESSAGE("a message");
}

TEST_CASE("namesake") {
  CHECK(true);
}

TEST_CASE("a, b and *, literally") {}
TEST_CASE("a, b and more, literally") {
  FAIL("not this one");
}

TEST_SUITE("failing") {
  TEST_CASE("fails twice") {
    const int number = 1;
    CAPTURE(number);
    CHECK(number == 2);
    CHECK_THROWS_AS(throw 1, std::runtime_error);
  }
  TEST_CASE("stops at a requirement") {
    REQUIRE_MESSAGE(false, "this has to be");
    std::cout << "not printed\n";
  }
  TEST_CASE("throws") {
    throw std::runtime_error("a reason");
  }
  TEST_CASE("fails with bytes") {
    FAIL("\xff\xfe, which are no UTF-8");
  }
  TEST_CASE("warns only") {
    WARN(1 == 2);
  }
  TEST_CASE("fails in a thread") {
    std::thread([] { CHECK(1 == 2); }).join();
  }
}

TEST_CASE("subcases") {
  SUBCASE("left") {
    CHECK(true);
  }
  SUBCASE("right") {
    SUBCASE("near") {
      CHECK(1 == 1);
    }
    SUBCASE("far") {
      CHECK(1 == 3);
    }
  }
}

TEST_CASE("is skipped" * doctest::skip()) {
  FAIL("skipped");
}
TEST_CASE("may fail, and does" * doctest::may_fail()) {
  FAIL("it may");
}
TEST_CASE("may fail, and does not" * doctest::may_fail()) {}
TEST_CASE("should fail, and does" * doctest::should_fail()) {
  FAIL("it should");
}
TEST_CASE("should fail, and does not" * doctest::should_fail()) {}
TEST_CASE("expects a failure, and has it" * doctest::expected_failures(1)) {
  CHECK(1 == 2);
}
TEST_CASE("expects a failure, and has none" * doctest::expected_failures(1)) {}
TEST_CASE("expects a failure, and has two" * doctest::expected_failures(1)) {
  CHECK(1 == 2);
  CHECK(1 == 3);
}
TEST_CASE("takes too long" * doctest::timeout(0.001)) {
  ::usleep(20000);
}
TEST_CASE("may take too long" * doctest::timeout(0.001) * doctest::may_fail()) {
  ::usleep(20000);
}

TEST_CASE_TEMPLATE("is large", T, int, unsigned char) {
  CHECK(sizeof(T) > 1);
}

// Nothing tells the two apart: not the name, nor the file, nor the line.
TYPE_TO_STRING_AS("number", short);
TYPE_TO_STRING_AS("number", signed char);
TEST_CASE_TEMPLATE("is larger", T, short, signed char) {
  CHECK(sizeof(T) > 1);
}

// What ends the process.

TEST_SUITE("crash") {
  TEST_CASE("crashes") {
    std::cout << "last words\n" << std::flush;
    SUBCASE("within") {
      std::raise(SIGSEGV);
    }
  }
  TEST_CASE("exits") {
    std::exit(0);
  }
  TEST_CASE("hangs") {
    for (;;) ::pause();
  }
  TEST_CASE("comes after a crash") {}
}

int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
  if (std::getenv("THREADS"))
    std::thread([] {
      for (;;) ::pause();
    }).detach();
  return subunit_proxy::run_doctest(context, argc, argv);
}
