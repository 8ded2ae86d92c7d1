#include "common/schedule/test_pool.h"

#include <doctest/doctest.h>

using namespace subunit;
using namespace subunit::schedule;
using namespace std::chrono_literals;

namespace {

using Batch = Dispatcher::Batch;

Batch take_first(TestPool& pool, TestPool::Worker worker) {
  Batch batch;
  pool.take(pool.waiting().first(), worker, batch);
  return batch;
}

/// What a worker has that took `batch` from the pool.
WorkerLoad load_of(const TestPool& pool, TestPool::Worker worker, const Batch& batch) {
  WorkerLoad load;
  for (const std::size_t test : batch)
    load.sent(*pool.ticket(worker, test), {test, pool.work(test)}, 0s);
  return load;
}

}  // namespace

TEST_CASE("the tests of a unit are taken together, in order") {
  Limits limits;
  TestPool pool({{1s, 5}, {2s, 6}, {3s, 5}}, false, limits);
  CHECK(pool.waiting_tests() == 3);
  CHECK(pool.waiting_work() == Seconds(6));
  CHECK(pool.waiting_work(pool.waiting().first()) == Seconds(4));
  Batch batch{9};
  pool.take(pool.waiting().first(), 0, batch);
  CHECK(batch == Batch{9, 0, 2});
  CHECK(pool.waiting_tests() == 1);
  CHECK(pool.waiting_work() == Seconds(2));
  CHECK(*pool.ticket(0, 0) < *pool.ticket(0, 2));
  CHECK_FALSE(pool.ticket(1, 0));
  CHECK_FALSE(pool.ticket(0, 1));
  pool.finished(1, 0);  // it has not got it
  CHECK(pool.ticket(0, 0));
  pool.finished(0, 0);
  CHECK_FALSE(pool.ticket(0, 0));
  pool.finished(0, 2);
  CHECK(take_first(pool, 1) == Batch{1});
  CHECK(pool.waiting().empty());
  CHECK_FALSE(pool.done());
  pool.finished(1, 1);
  CHECK(pool.done());
}

TEST_CASE("what is left of a unit waits again when its worker leaves") {
  Limits limits;
  TestPool pool({{1s, 0}, {2s, 0}, {4s, 0}, {1s, 1}}, false, limits);
  const Batch batch = take_first(pool, 0);
  REQUIRE(batch == Batch{0, 1, 2});
  pool.finished(0, 1);
  pool.remove(0, load_of(pool, 0, {0, 2}));
  CHECK(pool.waiting_tests() == 3);
  CHECK(pool.waiting_work() == Seconds(6));
  CHECK(take_first(pool, 1) == Batch{0, 2});
}

TEST_CASE("one at a time, the rest of a unit waits until its test is finished") {
  Limits limits;
  TestPool pool({{1s, 0}, {1s, 0}, {1s, 1}}, true, limits);
  CHECK(take_first(pool, 0) == Batch{0});
  CHECK(take_first(pool, 1) == Batch{2});
  CHECK(pool.waiting().empty());
  CHECK(pool.waiting_tests() == 1);
  pool.finished(0, 0);
  CHECK(take_first(pool, 1) == Batch{1});
}

TEST_CASE(
    "a test that was never seen counts as the mean of the others, and is sorted before them") {
  Limits limits;
  TestPool pool({{1s, 0}, {std::nullopt, 1}, {3s, 2}}, false, limits);
  CHECK(pool.informed());
  CHECK(pool.work(1) == Seconds(2));
  CHECK(take_first(pool, 0) == Batch{0});
  pool.sort();
  CHECK(take_first(pool, 0) == Batch{1});
  CHECK(take_first(pool, 0) == Batch{2});
  CHECK_FALSE(TestPool({{std::nullopt, 0}}, false, limits).informed());
}

TEST_CASE("a unit needs what its tests need, from when it is taken until each has ended") {
  Limits limits;
  const auto slot = limits.needs({limits.add_resource(1, Limits::Scope::kRun)});
  TestPool pool({{1s, 0}, {1s, 0, slot}, {1s, 1, slot}, {1s, 2}}, false, limits);
  pool.add(0, 0);
  pool.add(1, 0);
  CHECK(pool.needs(0) == slot);
  CHECK(pool.needs(2) == Limits::kNothing);
  REQUIRE(take_first(pool, 0) == Batch{0, 1});
  CHECK_FALSE(pool.allowed(1, 2));
  CHECK(pool.allowed(1, 3));
  pool.finished(0, 0);
  CHECK_FALSE(pool.allowed(1, 2));
  pool.finished(0, 1);
  CHECK(pool.allowed(1, 2));
  pool.repeat(0, 1);
  CHECK_FALSE(pool.allowed(1, 2));
  CHECK_FALSE(pool.ticket(0, 1));
  pool.finished(0, 1);
  CHECK(pool.allowed(1, 2));
  pool.repeat(0, 0);
  pool.remove(0, {});
  CHECK(pool.allowed(1, 2));
}
