// The scheduler where tests need things of which there are few.

#include <doctest/doctest.h>

#include "tests/limited_suite.h"

using namespace subunit;
using namespace subunit::schedule;
using namespace std::chrono_literals;

TEST_CASE("no limit is exceeded and every test ends, however servers come, crash and leave") {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    LimitedSuite suite = draw_limited_suite(seed % 5, 1 + random() % 4, random);
    const double known = std::vector<double>{0, 0.7, 1}[random() % 3];
    suite.draw(1 + random() % 120, known, random() % 2, random);
    Scheduler scheduler = suite.scheduler({.keep_order = random() % 4 == 0,
                                           .one_at_a_time = random() % 4 == 0,
                                           .withdrawable = random() % 4 == 0});
    Simulation simulation =
        suite.simulation(scheduler, std::vector<Time>{0ms, 20ms, 200ms}[random() % 3]);
    for (std::size_t slot = 0; slot < suite.servers(); ++slot) {
      const Time when = seed % 3 ? 0s : seconds(static_cast<double>(random() % 200) / 10);
      simulation.join(slot, seed % 3 && slot % 3 == 0 ? 0.5 : 1, when, suite.channel_of(slot));
    }
    for (std::size_t i = 0; seed % 2 && i < 10; ++i) {
      const Time when = seconds(static_cast<double>(random() % 1000) / 10);
      simulation.leave(random() % suite.servers(), when, random() % 2, 1s);
    }
    simulation.run();

    CHECK(scheduler.done());
    CHECK_FALSE(scheduler.next_deadline());
    for (const int results : simulation.results) CHECK(results == 1);
    CHECK(suite.broken(simulation) == "");
  }
}

TEST_CASE("where everything needs the one slot, one test after the other runs") {
  for (const std::size_t workers : {1, 4}) {
    std::mt19937_64 random(1);
    LimitedSuite suite({{.slots = 1, .scope = Limits::Scope::kRun, .part = 2}}, 0, 0, 2, workers);
    suite.draw(100, 1, false, random);
    Scheduler scheduler = suite.scheduler();
    Simulation simulation = suite.simulation(scheduler, 1ms);
    suite.join(simulation);
    simulation.run();
    CHECK(scheduler.done());
    CHECK(suite.broken(simulation) == "");
    CHECK(simulation.makespan() <= suite.bound() * 101 / 100);
  }
}

TEST_CASE("with limits, too, a run takes hardly longer than it must") {
  double sum = 0;
  constexpr std::uint32_t kCases = 200;
  for (std::uint32_t seed = 0; seed < kCases; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    LimitedSuite suite = draw_limited_suite(seed % 5, 2 + random() % 4, random);
    suite.draw(150 + random() % 300, 1, false, random);
    Scheduler scheduler = suite.scheduler();
    Simulation simulation = suite.simulation(scheduler, 1ms);
    suite.join(simulation);
    simulation.run();
    const double ratio = static_cast<double>(simulation.makespan().count()) /
                         static_cast<double>(suite.bound().count());
    CHECK(ratio <= 1.05);
    sum += ratio;
  }
  CHECK(sum / kCases <= 1.01);
}

TEST_CASE("tests of a short resource do not wait for a worker that is never idle") {
  // Each worker gets tests ahead of demand all the time, since they are short beside the channel.
  Limits limits;
  const auto slot = limits.needs({limits.add_resource(1, Limits::Scope::kRun)});
  std::vector<Scheduler::Test> tests;
  std::vector<Time> durations;
  for (std::size_t i = 0; i < 4000; ++i) {
    tests.push_back({10ms, i, i % 5 == 0 ? slot : Limits::kNothing});
    durations.push_back(10ms);
  }
  Scheduler scheduler(tests, {}, limits);
  Simulation simulation(scheduler, durations, 100ms);
  simulation.has_limits = true;
  for (std::size_t server = 0; server < 4; ++server) simulation.join(server, 1, 0s);
  simulation.run();
  CHECK(scheduler.done());
  CHECK(simulation.makespan() <= 10ms * 1000 * 108 / 100);
}

TEST_CASE("what is behind a test that needs a slot follows it without a wait") {
  Limits limits;
  const auto slot = limits.needs({limits.add_resource(1, Limits::Scope::kRun)});
  std::vector<Scheduler::Test> tests;
  for (std::size_t i = 0; i < 6; ++i) tests.push_back({1ms, i, slot});
  Scheduler scheduler(tests, {}, limits);
  const auto one = scheduler.add(0, 0s), other = scheduler.add(1, 0s);
  scheduler.measured_round_trip(one, 10ms);
  CHECK(scheduler.next(one, 0s).size() > 1);
  CHECK(scheduler.next(other, 0s).empty());
  CHECK_FALSE(scheduler.next_deadline());  // an event has to come first
}

TEST_CASE("a test that runs again holds what it needs") {
  Limits limits;
  const auto slot = limits.needs({limits.add_resource(1, Limits::Scope::kRun)});
  Scheduler scheduler({{1s, 0, slot}, {1s, 1, slot}, {1s, 2}}, {}, limits);
  const auto one = scheduler.add(0, 0s), other = scheduler.add(1, 0s);
  CHECK(scheduler.next(one, 0s) == Scheduler::Batch{0});
  CHECK(scheduler.next(other, 0s) == Scheduler::Batch{2});
  CHECK_FALSE(scheduler.may_repeat(other, 0));
  scheduler.finished(one, 0, 1s);
  CHECK(scheduler.may_repeat(other, 0));
  scheduler.repeat(other, 0);
  CHECK_FALSE(scheduler.may_repeat(one, 0));
  CHECK(scheduler.next(one, 1s).empty());
  scheduler.finished(one, 0, 2s);  // not one of its own
  CHECK(scheduler.next(one, 2s).empty());
  scheduler.finished(other, 0, 2s);
  CHECK(scheduler.next(one, 2s) == Scheduler::Batch{1});
  scheduler.finished(one, 1, 3s);
  scheduler.repeat(other, 1);
  scheduler.remove(other, 3s);
  CHECK(scheduler.may_repeat(one, 0));
}

TEST_CASE("a unit needs what any of its tests needs") {
  Limits limits;
  const auto slot = limits.needs({limits.add_resource(1, Limits::Scope::kRun)});
  Scheduler scheduler({{1s, 7}, {1s, 7, slot}, {1s, 8, slot}}, {}, limits);
  const auto one = scheduler.add(0, 0s), other = scheduler.add(1, 0s);
  CHECK(scheduler.next(one, 0s) == Scheduler::Batch{0, 1});
  CHECK(scheduler.next(other, 0s).empty());
  scheduler.finished(one, 0, 1s);
  CHECK(scheduler.next(other, 1s).empty());
  scheduler.finished(one, 1, 2s);
  CHECK(scheduler.next(other, 2s) == Scheduler::Batch{2});
}

TEST_CASE("a long test that needs two resources is not put off by tests that need one of them") {
  Limits limits;
  const auto one = limits.add_resource(2, Limits::Scope::kRun);
  const auto other = limits.add_resource(2, Limits::Scope::kRun);
  std::vector<Scheduler::Test> tests;
  std::vector<Time> durations;
  const auto add = [&](Time time, std::vector<Limits::Resource> needs) {
    tests.push_back({time, tests.size(), limits.needs(std::move(needs))});
    durations.push_back(time);
  };
  add(100s, {one, other});
  for (int i = 0; i < 80; ++i) {
    add(1s, {one});
    add(1100ms, {other});
  }
  for (int i = 0; i < 30; ++i) add(2s, {});
  Scheduler scheduler(tests, {}, limits);
  Simulation simulation(scheduler, durations, 1ms);
  simulation.has_limits = true;
  for (std::size_t slot = 0; slot < 8; ++slot) simulation.join(slot, 1, 0s);
  simulation.run();
  CHECK(scheduler.done());
  CHECK(simulation.makespan() <= 105s);  // at least 100 s
}

TEST_CASE("a slow worker leaves an exclusive test to a fast one, and begins nothing meanwhile") {
  Limits limits;
  const auto alone = limits.needs({Limits::kExclusiveOnChannel});
  std::vector<Scheduler::Test> tests;
  for (std::size_t i = 0; i < 3; ++i) tests.push_back({10s, i, alone});
  for (std::size_t i = 3; i < 9; ++i) tests.push_back({1s, i});
  Scheduler scheduler(tests, {}, limits);
  const auto run = [&scheduler](Scheduler::Worker worker, std::size_t test, Time from, Time to) {
    CHECK(scheduler.next(worker, from) == Scheduler::Batch{test});
    scheduler.started(worker, test, from);
    scheduler.finished(worker, test, to);
  };
  const auto fast = scheduler.add(0, 0s), slow = scheduler.add(1, 0s);
  run(fast, 0, 0s, 10s);
  run(slow, 1, 10s, 50s);
  CHECK(scheduler.next(slow, 50s).empty());
  run(fast, 2, 50s, 60s);
  CHECK_FALSE(scheduler.next(slow, 60s).empty());
}

TEST_CASE("the time left is at least what waits for a resource takes on its slots") {
  Limits limits;
  const auto slot = limits.needs({limits.add_resource(1, Limits::Scope::kRun)});
  Scheduler scheduler({{10s, 0, slot}, {10s, 1, slot}, {10s, 2, slot}, {5s, 3}}, {}, limits);
  const auto one = scheduler.add({0, 0}, 0s);
  CHECK(scheduler.time_left(0s) == 35s);
  scheduler.add({1, 0}, 0s);
  CHECK(scheduler.time_left(0s) == 30s);
  REQUIRE(scheduler.next(one, 0s) == Scheduler::Batch{0});
  scheduler.started(one, 0, 0s);
  CHECK(scheduler.time_left(4s) == 26s);
}

TEST_CASE("the time left of a resource follows the speed of the workers") {
  Limits limits;
  const auto slot = limits.needs({limits.add_resource(1, Limits::Scope::kRun)});
  Scheduler scheduler({{std::nullopt, 0, slot}, {std::nullopt, 1, slot}, {std::nullopt, 2, slot}},
                      {}, limits);
  const auto one = scheduler.add({0, 0}, 0s);
  scheduler.add({1, 0}, 0s);
  REQUIRE(scheduler.next(one, 0s) == Scheduler::Batch{0});
  scheduler.started(one, 0, 0s);
  scheduler.finished(one, 0, 7s);
  CHECK(scheduler.time_left(7s) == 14s);
}

TEST_CASE("the time left includes what workers wait for beside exclusive tests") {
  for (const auto exclusive : {Limits::kExclusiveInRun, Limits::kExclusiveOnChannel}) {
    Limits limits;
    const auto alone = limits.needs({exclusive});
    Scheduler scheduler({{10s, 0, alone}, {10s, 1}, {10s, 2}, {10s, 3}, {10s, 4}}, {}, limits);
    scheduler.add({0, 0}, 0s);
    scheduler.add({1, 0}, 0s);
    CHECK(scheduler.time_left(0s) == 30s);
    scheduler.add({2, 1}, 0s);
    scheduler.add({3, 1}, 0s);
    CHECK(scheduler.time_left(0s) == (exclusive == Limits::kExclusiveInRun ? 20s : 15s));
    scheduler.add({4, 2}, 0s);  // beside nobody
    if (exclusive == Limits::kExclusiveOnChannel) CHECK(scheduler.time_left(0s) == 10s);
  }
}

TEST_CASE("within limits, the time left at the start is no more than the run takes") {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    LimitedSuite suite = draw_limited_suite(seed % 5, 1 + random() % 4, random);
    suite.draw(10 + random() % 80, 1, false, random);
    Scheduler estimating = suite.scheduler();
    for (std::size_t slot = 0; slot < suite.servers(); ++slot)
      estimating.add({slot, suite.channel_of(slot)}, 0s);
    Scheduler scheduler = suite.scheduler();
    Simulation simulation = suite.simulation(scheduler, 0s);
    suite.join(simulation);
    simulation.run();
    CHECK(*estimating.time_left(0s) <= simulation.makespan() + 1ms);
  }
}
