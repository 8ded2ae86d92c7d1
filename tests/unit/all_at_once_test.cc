#include "common/schedule/all_at_once.h"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using namespace subunit;
using namespace subunit::schedule;

namespace {

constexpr Time kNow = 10s;

AllAtOnce with(std::size_t tests) {
  return AllAtOnce(std::vector<std::optional<Time>>(tests));
}

}  // namespace

TEST_CASE("one server gets all tests in the order given, in one message") {
  AllAtOnce dispatcher = with(3);
  const auto worker = dispatcher.add(0, kNow);
  CHECK(dispatcher.waiting() == 3);
  CHECK(dispatcher.next(worker, kNow) == Dispatcher::Batch{0, 1, 2});
  CHECK(dispatcher.next(worker, kNow).empty());
  CHECK(dispatcher.waiting() == 0);
  CHECK_FALSE(dispatcher.done());
  for (std::size_t test = 0; test < 3; ++test) dispatcher.finished(worker, test, kNow);
  CHECK(dispatcher.done());
}

TEST_CASE("what a server that died had not finished goes to the next one, in its order") {
  AllAtOnce dispatcher = with(4);
  const auto first = dispatcher.add(0, kNow);
  REQUIRE(dispatcher.next(first, kNow).size() == 4);
  dispatcher.finished(first, 0, kNow);
  dispatcher.finished(first, 2, kNow);
  dispatcher.finished(first, 2, kNow);  // two tests with one id
  dispatcher.remove(first, kNow);
  CHECK(dispatcher.waiting() == 2);
  const auto second = dispatcher.add(0, kNow);
  CHECK(second != first);
  CHECK(dispatcher.next(second, kNow) == Dispatcher::Batch{1, 3});
}

TEST_CASE("a test that was given up while it waited is not sent") {
  AllAtOnce dispatcher = with(2);
  const auto worker = dispatcher.add(0, kNow);
  dispatcher.finished(worker, 0, kNow);
  CHECK(dispatcher.waiting() == 1);
  CHECK(dispatcher.next(worker, kNow) == Dispatcher::Batch{1});
}

TEST_CASE("no tests are done at once") {
  AllAtOnce dispatcher = with(0);
  CHECK(dispatcher.done());
  CHECK(dispatcher.next(dispatcher.add(0, kNow), kNow).empty());
}

TEST_CASE("the time left counts tests of unknown duration as the mean of the others") {
  AllAtOnce dispatcher({2s, std::nullopt, 4s});
  const auto worker = dispatcher.add(0, kNow);
  (void)dispatcher.next(worker, kNow);
  CHECK(dispatcher.time_left(kNow) == Time(9s));
  CHECK(dispatcher.time_left(kNow + 1s) == Time(8s));
  dispatcher.finished(worker, 0, kNow + 2s);
  CHECK(dispatcher.time_left(kNow + 2s) == Time(8s));
  CHECK(dispatcher.time_left(kNow + 60s) == Time(0));
  dispatcher.finished(worker, 2, kNow + 6s);
  CHECK(dispatcher.time_left(kNow + 6s) == std::nullopt);
  dispatcher.finished(worker, 1, kNow + 7s);
  CHECK(dispatcher.time_left(kNow + 7s) == Time(0));
}
