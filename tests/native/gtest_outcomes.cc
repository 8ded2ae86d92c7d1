// Every kind of test that GoogleTest has, with every outcome: many fail on purpose. Environment
// variables, in which the end-to-end tests ask for them, add threads and broken environments.
#include <gtest/gtest.h>
#include <subunit-proxy/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>

namespace {

bool wanted(const char* variable) {
  return std::getenv(variable) != nullptr;
}

TEST(Plain, Passes) {
  std::cout << "printed by C++\n";
  std::printf("printed by C\n");
  RecordProperty("colour", "blue");
  RecordProperty("size", 3);
}

TEST(Plain, FailsTwice) {
  EXPECT_EQ(1, 2) << "first";
  SCOPED_TRACE("in the second part");
  ADD_FAILURE() << "second";
}

TEST(Plain, Throws) {
  throw std::string("a string");
}

TEST(Plain, Skips) {
  GTEST_SKIP() << "not on this board";
}

TEST(Plain, FailsWithBytes) {
  ADD_FAILURE() << "\xff\xfe, which are no UTF-8";
}

TEST(Plain, IsFirst) {
  static int runs = 0;
  EXPECT_EQ(++runs, 1);
}

TEST(Plain, DISABLED_IsNotRun) {
  FAIL();
}

TEST(DISABLED_Suite, IsNotRun) {
  FAIL();
}

template <typename T>
class Typed : public testing::Test {};
using Types = testing::Types<int, unsigned char>;
TYPED_TEST_SUITE(Typed, Types);
TYPED_TEST(Typed, IsLarge) {
  EXPECT_GT(sizeof(TypeParam), 1U);
}

class Valued : public testing::TestWithParam<int> {};
TEST_P(Valued, IsOdd) {
  EXPECT_EQ(GetParam() % 2, 1);
}
INSTANTIATE_TEST_SUITE_P(Few, Valued, testing::Values(1, 2, 3));

TEST(SomeDeathTest, Fast) {
  GTEST_FLAG_SET(death_test_style, "fast");
  EXPECT_DEATH(std::abort(), "");
  EXPECT_EXIT(std::exit(3), testing::ExitedWithCode(3), "");
}

TEST(SomeDeathTest, ThreadSafe) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        std::cerr << "last words\n";
        std::abort();
      },
      "last words");
}

TEST(SomeDeathTest, Survives) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(static_cast<void>(0), "");
}

class Shared : public testing::Test {
 protected:
  static void SetUpTestSuite() { std::puts("suite begins"); }
  static void TearDownTestSuite() { std::puts("suite ends"); }
};
TEST_F(Shared, One) {
  std::puts("one");
}
TEST_F(Shared, Two) {
  std::puts("two");
}

class NotSetUp : public testing::Test {
 protected:
  static void SetUpTestSuite() { FAIL() << "no database"; }
};
TEST_F(NotSetUp, One) {}
TEST_F(NotSetUp, Two) {}

class NotTornDown : public testing::Test {
 protected:
  static void TearDownTestSuite() { ADD_FAILURE() << "a file is left"; }
};
TEST_F(NotTornDown, One) {}

// What ends the process. GoogleTest alone does not come to its end with these.

TEST(Crash, Segfaults) {
  std::cout << "last words\n" << std::flush;
  std::raise(SIGSEGV);
}
TEST(Crash, Exits) {
  std::exit(0);
}
TEST(Crash, Hangs) {
  std::signal(SIGTERM, [](int) {
    static_cast<void>(!::write(STDOUT_FILENO, "cleaned up\n", 11));
    ::_exit(0);
  });
  std::cout << "ready\n" << std::flush;
  for (;;) ::pause();
}
TEST(Crash, DoesNotFollow) {}

// A copy of the process goes on where this one does.
TEST(Crash, Forks) {
  const pid_t copy = ::fork();
  if (copy == 0) {
    ADD_FAILURE() << "in the copy";
    return;
  }
  int status = 0;
  ::waitpid(copy, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 1);
}

// The first one waits for a file.
TEST(Gated, Waits) {
  const char* const gate = std::getenv("GATE");
  while (gate && ::access(gate, F_OK) != 0) ::usleep(5000);
}
// It kills the process whose number is in a file.
TEST(Gated, Follows) {
  std::puts("followed");
  const char* const name = std::getenv("VICTIM");
  pid_t victim = 0;
  if (name && std::ifstream(name) >> victim) ::kill(victim, SIGKILL);
}

class CrashInSetUp : public testing::Test {
 protected:
  static void SetUpTestSuite() { std::abort(); }
};
TEST_F(CrashInSetUp, One) {}
TEST_F(CrashInSetUp, Two) {}

class CrashInTearDown : public testing::Test {
 protected:
  static void TearDownTestSuite() { std::abort(); }
};
TEST_F(CrashInTearDown, One) {}

// A generator of names may put anything into them.
struct Names {
  template <typename T>
  static std::string GetName(int) {
    return "std::vector<a*b-c>";
  }
};
template <typename T>
class Strange : public testing::Test {};
TYPED_TEST_SUITE(Strange, testing::Types<int>, Names);
TYPED_TEST(Strange, Name) {}

class Environment : public testing::Environment {
 public:
  void SetUp() override {
    std::puts("environment begins");
    if (wanted("ENVIRONMENT_FAILS")) FAIL() << "no network";
    if (wanted("ENVIRONMENT_SKIPS")) GTEST_SKIP() << "no hardware";
    if (wanted("ENVIRONMENT_CRASHES")) std::abort();
    if (wanted("ENVIRONMENT_COMPLAINS")) ADD_FAILURE() << "odd clock";
  }
  void TearDown() override {
    if (wanted("TEAR_DOWN_FAILS")) ADD_FAILURE() << "left over";
    if (wanted("TEAR_DOWN_CRASHES")) std::abort();
  }
};

}  // namespace

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  testing::InitGoogleTest(&argc, argv);
  testing::AddGlobalTestEnvironment(new Environment);
  if (wanted("THREADS"))
    std::thread([] {
      for (;;) ::pause();
    }).detach();
  return subunit_proxy::run_gtest(argc, argv);
}
