// A GoogleTest program with 200 tests of 20 ms, for the adapter and GoogleTest's own shards.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

class Sleep : public testing::TestWithParam<int> {};

TEST_P(Sleep, Passes) {
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

INSTANTIATE_TEST_SUITE_P(Many, Sleep, testing::Range(0, 200));
