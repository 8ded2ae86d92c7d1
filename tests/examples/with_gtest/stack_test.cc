// A GoogleTest program that is also a test server:
//   g++ -std=c++14 stack_test.cc -o stack_test $(pkg-config --cflags --libs subunit-gtest-main)
//   subunit-proxy run -- subunit-proxy serve -- ./stack_test --subunit-rpc
#include <gtest/gtest.h>

#include <iostream>
#include <vector>

namespace {

class Stack : public testing::Test {
 protected:
  void SetUp() override { stack_.push_back(1); }
  std::vector<int> stack_;
};

TEST_F(Stack, ReturnsWhatCameLast) {
  stack_.push_back(2);
  std::cout << "the stack has " << stack_.size() << " numbers\n";
  EXPECT_EQ(stack_.back(), 2);
}

TEST_F(Stack, IsEmptyInTheEnd) {
  stack_.pop_back();
  EXPECT_TRUE(stack_.empty());
}

class Squares : public testing::TestWithParam<int> {};

TEST_P(Squares, ArePositive) {
  if (GetParam() == 0) GTEST_SKIP() << "zero has no sign";
  EXPECT_GT(GetParam() * GetParam(), 0);
}

INSTANTIATE_TEST_SUITE_P(Small, Squares, testing::Range(-2, 3));

}  // namespace
