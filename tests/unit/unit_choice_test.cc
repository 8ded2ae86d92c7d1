#include "common/schedule/unit_choice.h"

#include <doctest/doctest.h>

using namespace subunit;
using namespace subunit::schedule;
using namespace std::chrono_literals;

namespace {

using Tests = std::vector<TestPool::Test>;
using Busy = Candidates::Busy;

Tests tests_of(const std::vector<Time>& durations) {
  Tests tests;
  for (const Time time : durations) tests.push_back({time, tests.size()});
  return tests;
}

/// Two workers that are idle, on one channel, and the tests that wait for them.
struct Site {
  explicit Site(const Tests& tests, bool keep_order = false, Limits limits_of_tests = {})
      : limits(std::move(limits_of_tests)),
        pool(tests, false, limits),
        fleet(pool.informed()),
        choice(pool, fleet, limits, keep_order) {
    for (std::size_t slot = 0; slot < 2; ++slot) pool.add(fleet.add(slot), 0);
    if (!choice.in_given_order()) pool.sort();
  }

  /// The worker has run tests that took `factor` times what was expected.
  void show_speed(Fleet::Worker worker, double factor) {
    Fleet::Server& server = fleet.at(worker);
    for (WorkerLoad::Ticket ticket = 0; ticket < 20; ++ticket) {
      server.load.sent(ticket, {0, Seconds(1)}, now);
      fleet.started(server, ticket, now);
      now += std::chrono::duration_cast<Time>(Seconds(factor));
      fleet.finished(server, ticket, now);
    }
  }
  /// The number of the unit, which is that of its test here.
  std::optional<TestPool::Unit> choose(Fleet::Worker worker, Seconds enough = Seconds(0),
                                       Busy busy = Busy::kIdle) {
    const Fleet::Server& server = fleet.at(worker);
    if (limits.any()) choice.weigh(server, fleet.level(pool.waiting_work(), now), now);
    return choice.choose(server, enough, busy, now);
  }
  /// It has `test` from now on.
  void take(Fleet::Worker worker, TestPool::Unit test) {
    Dispatcher::Batch batch;
    pool.take(test, worker, batch);
    fleet.at(worker).load.sent(100 + test, {test, pool.work(test)}, now);
  }

  Limits limits;
  TestPool pool;
  Fleet fleet;
  UnitChoice choice;
  Time now{0};
};

}  // namespace

TEST_CASE("a slow worker gets the longest test that no other would have finished before") {
  Site site(tests_of({1s, 10s, 9s}));
  site.show_speed(0, 1);
  site.show_speed(1, 10);
  CHECK(site.choose(0) == 1);
  CHECK(site.choose(1) == 0);
}

TEST_CASE("a slow worker gets nothing if others will have finished all before") {
  Site site(tests_of({8s, 10s, 9s}));
  site.show_speed(0, 1);
  site.show_speed(1, 10);
  CHECK_FALSE(site.choose(1));
}

TEST_CASE("a unit that leaves a worker with less than enough is not compared with others") {
  Site site(tests_of({8s, 10s, 9s}));
  site.show_speed(0, 1);
  site.show_speed(1, 10);
  CHECK(site.choose(1, Seconds(200)) == 1);
}

TEST_CASE("a worker of unknown speed gets a short test") {
  Site site(tests_of({100ms, 100s, 30s, 1ms}));
  site.show_speed(0, 1);
  CHECK_FALSE(site.choice.probing(site.fleet.at(0)));
  CHECK(site.choice.probing(site.fleet.at(1)));
  CHECK(site.choose(0) == 1);
  CHECK(site.choose(1) == 0);
}

TEST_CASE("where an order is given, the first unit that waits is next, however fast a worker is") {
  Site ordered(tests_of({1s, 10s}), true);
  CHECK(ordered.choose(0) == 0);
  ordered.show_speed(0, 10);
  CHECK(ordered.choose(0) == 0);
  Site unknown({{std::nullopt, 0}, {std::nullopt, 1}});
  CHECK(unknown.choose(0) == 0);
}

TEST_CASE("within limits, a worker gets a unit of which everything is free") {
  Limits limits;
  const auto slot = limits.needs({limits.add_resource(1, Limits::Scope::kRun)});
  Site site({{20s, 0, slot}, {10s, 1, slot}, {5s, 2}}, false, limits);
  site.show_speed(0, 1);
  site.show_speed(1, 1);
  CHECK(site.choose(1) == 0);
  site.take(0, 0);
  CHECK(site.choose(1) == 2);
  site.take(1, 2);
  CHECK_FALSE(site.choice.any(site.fleet.at(1)));
  CHECK(site.choice.any(site.fleet.at(0)));
}

TEST_CASE("a worker that is busy for long gets nothing that would hold a slot meanwhile") {
  Limits limits;
  const auto slot = limits.needs({limits.add_resource(1, Limits::Scope::kRun)});
  Site site({{5s, 0}, {20s, 1, slot}}, false, limits);
  site.show_speed(0, 1);
  site.show_speed(1, 1);
  site.take(0, 0);
  CHECK_FALSE(site.choose(0, Seconds(100), Busy::kLong));
  CHECK(site.choose(0, Seconds(100), Busy::kBriefly) == 1);
}
