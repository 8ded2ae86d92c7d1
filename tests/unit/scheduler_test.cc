#include "common/schedule/scheduler.h"

#include <doctest/doctest.h>

#include <numeric>

#include "tests/schedule_simulation.h"

using namespace subunit;
using namespace subunit::schedule;
using namespace std::chrono_literals;

namespace {

using Batch = Scheduler::Batch;
using Tests = std::vector<Scheduler::Test>;

/// Each a unit of its own.
Tests tests_of(const std::vector<std::optional<Time>>& expected) {
  Tests tests;
  for (const auto& time : expected) tests.push_back({time, tests.size()});
  return tests;
}

Tests known_tests(const std::vector<Time>& durations) {
  return tests_of(std::vector<std::optional<Time>>(durations.begin(), durations.end()));
}

Tests unknown_tests(std::size_t count) {
  return tests_of(std::vector<std::optional<Time>>(count));
}

/// All tests in the order in which `worker`, the only one that asks, runs them; each takes `each`.
Batch run_all(Scheduler& scheduler, Scheduler::Worker worker, Time& now, Time each) {
  Batch order;
  while (true) {
    const Batch batch = scheduler.next(worker, now);
    if (batch.empty()) return order;
    for (const std::size_t test : batch) {
      scheduler.started(worker, test, now);
      now += each;
      scheduler.finished(worker, test, now);
      order.push_back(test);
    }
  }
}

Batch counted(std::size_t count) {
  Batch batch(count);
  std::iota(batch.begin(), batch.end(), 0);
  return batch;
}

/// Runs `durations` on `servers` alike, all there from the start.
Simulation simulate(Scheduler& scheduler, const std::vector<Time>& durations, Time one_way,
                    std::size_t servers) {
  Simulation simulation(scheduler, durations, one_way);
  for (std::size_t slot = 0; slot < servers; ++slot) simulation.join(slot, 1, 0s);
  simulation.run();
  CHECK(scheduler.done());
  return simulation;
}

}  // namespace

TEST_CASE("without durations tests go out one by one in the order given") {
  Scheduler scheduler(unknown_tests(5), {});
  const auto a = scheduler.add(0, 0s);
  const auto b = scheduler.add(1, 0s);
  CHECK(scheduler.next(a, 0s) == Batch{0});
  CHECK(scheduler.next(b, 0s) == Batch{1});
  CHECK(scheduler.next(a, 0s).empty());
  scheduler.finished(b, 1, 1s);
  CHECK(scheduler.next(b, 1s) == Batch{2});
  CHECK(scheduler.waiting() == 2);
}

TEST_CASE("with durations the longest tests go first, and those never seen among them") {
  Scheduler scheduler(tests_of({1s, 9s, std::nullopt, 40s, 2s, std::nullopt, 20s, 3s}), {});
  scheduler.remove(scheduler.add(0, 0s), 0s);
  Time now = 0s;
  const Batch order = run_all(scheduler, scheduler.add(1, 0s), now, 5s);
  // Those may take four times the mean of 12.5 s. The first test shows how fast the slot is.
  CHECK(order == Batch{0, 2, 5, 3, 6, 1, 7, 4});
}

TEST_CASE("one server gets the order given, whatever is known, also when it comes back") {
  const std::vector<Time> durations{1s, 9s, 4s, 8s, 2s};
  Scheduler scheduler(known_tests(durations), {});
  const auto first = scheduler.add(7, 0s);
  CHECK(scheduler.next(first, 0s) == Batch{0});
  scheduler.remove(first, 1s);
  Time now = 1s;
  CHECK(run_all(scheduler, scheduler.add(7, 1s), now, 1s) == counted(5));
}

TEST_CASE("from the moment a second slot is there, the longest tests that remain go first") {
  Scheduler scheduler(known_tests({1s, 9s, 4s, 30s, 2s}), {});
  const auto first = scheduler.add(0, 0s);
  CHECK(scheduler.next(first, 0s) == Batch{0});
  scheduler.started(first, 0, 0s);
  scheduler.add(1, 0s);
  scheduler.finished(first, 0, 1s);
  CHECK(scheduler.next(first, 1s) == Batch{3});
}

TEST_CASE("a server that took long to start is not sent much ahead of a test that all wait for") {
  std::vector<Time> durations(60, 40ms);
  durations.push_back(6s);
  Scheduler scheduler(known_tests(durations), {});
  const auto first = scheduler.add(0, 0s);
  const auto second = scheduler.add(1, 0s);
  // The answer to Hello, with which the server has waited until it had its tests.
  scheduler.measured_round_trip(first, 500ms);
  scheduler.measured_round_trip(second, 500ms);
  const Batch tests = scheduler.next(first, 0s);
  CHECK(tests.size() <= 2);
  CHECK(scheduler.next(second, 0s).size() <= 2);
  Time now = 0s;
  for (const std::size_t test : tests) {
    scheduler.started(first, test, now);
    now += 40ms;
    scheduler.finished(first, test, now);
  }
  CHECK(scheduler.next(first, now) == Batch{60});
}

TEST_CASE("keep_order keeps the order given on any number of servers") {
  std::mt19937_64 random(1);
  const auto durations = skewed_suite(300, random);
  Scheduler scheduler(known_tests(durations), {.keep_order = true});
  const Simulation simulation = simulate(scheduler, durations, 20ms, 4);
  Batch sent;
  for (const auto& message : simulation.messages)
    sent.insert(sent.end(), message.tests.begin(), message.tests.end());
  CHECK(sent == counted(300));
}

TEST_CASE(
    "a unit goes to one worker in one piece, in order, and so does what a crash leaves of it") {
  Tests tests = unknown_tests(6);
  for (const std::size_t member : {1, 3, 5}) tests[member].unit = 1000;
  Scheduler scheduler(tests, {});
  const auto a = scheduler.add(0, 0s);
  const auto b = scheduler.add(1, 0s);
  CHECK(scheduler.next(a, 0s) == Batch{0});
  CHECK(scheduler.next(b, 0s) == Batch{1, 3, 5});
  scheduler.finished(b, 1, 1s);
  scheduler.remove(b, 1s);
  CHECK(scheduler.waiting() == 4);
  scheduler.finished(a, 0, 1s);
  CHECK(scheduler.next(a, 1s) == Batch{3, 5});
}

TEST_CASE("one at a time a worker never has two tests, and a unit is never on two workers") {
  Tests tests = unknown_tests(4);
  for (const std::size_t member : {0, 1, 2}) tests[member].unit = 0;
  Scheduler scheduler(tests, {.one_at_a_time = true});
  auto a = scheduler.add(0, 0s);
  const auto b = scheduler.add(1, 0s);
  scheduler.measured_round_trip(a, 1s);
  CHECK(scheduler.next(a, 0s) == Batch{0});
  CHECK(scheduler.next(a, 0s).empty());
  CHECK(scheduler.next(b, 0s) == Batch{3});
  scheduler.finished(b, 3, 1s);
  CHECK(scheduler.next(b, 1s).empty());
  scheduler.finished(a, 0, 1s);
  scheduler.remove(a, 1s);
  a = scheduler.add(0, 1s);
  CHECK(scheduler.next(a, 1s) == Batch{1});
  scheduler.remove(a, 2s);
  CHECK(scheduler.next(b, 2s) == Batch{1});
  scheduler.finished(b, 1, 3s);
  CHECK(scheduler.next(b, 3s) == Batch{2});
  scheduler.finished(b, 2, 3s);
  CHECK(scheduler.done());
}

TEST_CASE("reports on tests that a worker does not have change nothing") {
  Scheduler scheduler(unknown_tests(3), {});
  const auto a = scheduler.add(0, 0s);
  const auto b = scheduler.add(1, 0s);
  CHECK(scheduler.next(a, 0s) == Batch{0});
  CHECK(scheduler.next(b, 0s) == Batch{1});
  scheduler.started(b, 0, 0s);
  scheduler.finished(b, 0, 0s);
  scheduler.finished(b, 2, 0s);
  scheduler.finished(a, 0, 1s);
  scheduler.finished(a, 0, 1s);
  CHECK_FALSE(scheduler.done());
  CHECK(scheduler.next(a, 1s) == Batch{2});
  scheduler.finished(a, 2, 1s);
  CHECK_FALSE(scheduler.done());
  scheduler.finished(b, 1, 1s);
  CHECK(scheduler.done());
}

TEST_CASE("a server that starts a process for each message gets batches, smaller towards the end") {
  Scheduler scheduler(unknown_tests(100), {});
  const std::vector<Time> durations(100, 100ms);
  std::vector<Scheduler::Worker> workers{scheduler.add(0, 0s), scheduler.add(1, 0s)};
  for (const auto worker : workers) scheduler.prefers_batches(worker, 10);
  std::vector<std::size_t> sizes;
  Time now = 0s;
  while (!scheduler.done()) {
    for (const auto worker : workers) {
      const Batch batch = scheduler.next(worker, now);
      if (!batch.empty()) sizes.push_back(batch.size());
      for (const std::size_t test : batch) {
        scheduler.started(worker, test, now);
        now += 100ms;
        scheduler.finished(worker, test, now);
      }
    }
  }
  CHECK(sizes.size() < 20);
  CHECK(std::ranges::count(sizes, 10u) >= 6);
  CHECK(*std::ranges::max_element(sizes) == 10);
  CHECK(sizes.back() <= 2);
}

TEST_CASE("a batch of long tests is no larger than half of an even share") {
  Scheduler scheduler(known_tests(std::vector<Time>(8, 60s)), {});
  const auto a = scheduler.add(0, 0s);
  const auto b = scheduler.add(1, 0s);
  for (const auto worker : {a, b}) scheduler.prefers_batches(worker, 10);
  CHECK(scheduler.next(a, 0s).size() == 2);
  CHECK(scheduler.next(b, 0s).size() <= 2);
}

TEST_CASE("an empty suite is done") {
  Scheduler scheduler({}, {});
  const auto worker = scheduler.add(0, 0s);
  CHECK(scheduler.done());
  CHECK(scheduler.next(worker, 0s).empty());
  CHECK_FALSE(scheduler.next_deadline());
}

TEST_CASE("tests of microseconds go hundreds in a message, fewer and fewer towards the end") {
  for (const Time each : {10us, 100us}) {
    const std::vector<Time> durations(100'000, each);
    for (const Tests& tests : {unknown_tests(100'000), known_tests(durations)}) {
      Scheduler scheduler(tests, {});
      const Simulation simulation = simulate(scheduler, durations, 150us, 4);
      CHECK(simulation.messages.size() < (each == 10us ? 300 : 1500));
      CHECK(simulation.makespan() < 1.01 * each * 100'000 / 4);
      std::size_t largest = 0;
      for (const auto& message : simulation.messages)
        largest = std::max(largest, message.tests.size());
      CHECK(largest <= Scheduler::kMaxBatch);
      CHECK(simulation.messages.back().tests.size() < largest / 2);
    }
  }
}

TEST_CASE("the last test waits for a fast worker rather than go to a slow one, but not forever") {
  Scheduler scheduler(known_tests(std::vector<Time>(6, 10s)), {});
  const auto fast = scheduler.add(0, 0s);
  const auto slow = scheduler.add(1, 0s);
  const auto start = [&](Scheduler::Worker worker, Time now) {
    const std::size_t test = scheduler.next(worker, now).at(0);
    scheduler.started(worker, test, now);
    return test;
  };
  const std::size_t slow_test = start(slow, 0s);
  std::size_t fast_test = start(fast, 0s);
  Time now{0};
  while (scheduler.waiting() > 1) {
    now += fast_test % 2 ? 9s : 11s;  // nobody can tell, so nothing is sent ahead
    scheduler.finished(fast, fast_test, now);
    fast_test = start(fast, now);
  }
  now += 1s;
  scheduler.finished(slow, slow_test, now);
  CHECK(scheduler.next(slow, now).empty());
  // The fast one hangs.
  const Time asked = now;
  while (scheduler.waiting() > 0) {
    REQUIRE(scheduler.next_deadline());
    REQUIRE(*scheduler.next_deadline() > now);
    now = *scheduler.next_deadline();
    CHECK(scheduler.next(fast, now).empty());
    scheduler.next(slow, now);
  }
  CHECK(now > asked + 9s);
  CHECK(now < asked + 400s);
}

TEST_CASE("nothing is sent behind a test that takes longer than expected") {
  Scheduler scheduler(known_tests(std::vector<Time>(8, 10s)), {});
  const auto worker = scheduler.add(0, 0s);
  const auto other = scheduler.add(1, 0s);
  Time now{0};
  for (int i = 0; i < 3; ++i) {
    const Batch batch = scheduler.next(worker, now);
    REQUIRE(batch.size() == 1);
    scheduler.started(worker, batch[0], now);
    if (i < 2) now += 10s;
    if (i < 2) scheduler.finished(worker, batch[0], now);
  }
  REQUIRE(scheduler.next(other, now).size() == 1);
  CHECK(scheduler.next(worker, now + 9s).empty());
  CHECK(scheduler.next(worker, now + 11s).empty());
  CHECK(scheduler.next(worker, now + 10s - 500us).size() == 1);
}

TEST_CASE("a worker at half the speed never gets the longest test, even as the first to ask") {
  for (std::uint32_t seed = 0; seed < 50; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const auto durations = skewed_suite(200, random);
    std::lognormal_distribution<double> noise(0, 0.3);
    std::vector<Time> history;
    for (const Time duration : durations)
      history.push_back(seconds(std::chrono::duration<double>(duration).count() * noise(random)));
    Scheduler scheduler(known_tests(history), {});
    Simulation simulation(scheduler, durations, 0s);
    for (std::size_t slot = 0; slot < 4; ++slot) simulation.join(slot, slot == 0 ? 0.5 : 1, 0s);
    simulation.run();
    const auto longest = std::max_element(history.begin(), history.end()) - history.begin();
    for (const auto& run : simulation.runs) {
      if (run.test == static_cast<std::size_t>(longest)) CHECK(run.slot != 0);
    }
  }
}

TEST_CASE("the time left follows durations and what workers have") {
  Scheduler known(known_tests({10s, 10s, 10s, 10s}), {});
  CHECK_FALSE(known.time_left(0s));
  const auto a = known.add(0, 0s);
  CHECK(known.time_left(0s) == 40s);
  known.add(1, 0s);
  CHECK(known.time_left(0s) == 20s);
  known.started(a, known.next(a, 0s).at(0), 0s);
  CHECK(*known.time_left(5s) >= 17s);
  CHECK(*known.time_left(5s) <= 18s);

  Scheduler unknown(unknown_tests(4), {});
  const auto b = unknown.add(0, 0s);
  CHECK(unknown.next(b, 0s).at(0) == 0);
  CHECK_FALSE(unknown.time_left(0s));
  unknown.started(b, 0, 0s);
  unknown.finished(b, 0, 2s);
  CHECK(unknown.time_left(2s) == 6s);
}

TEST_CASE("how long a test took that its server's end cut short says nothing of others") {
  Scheduler scheduler(std::vector<Scheduler::Test>{{{}, 0}, {{}, 1}, {{}, 2}, {{}, 3}, {{}, 4}},
                      {});
  const auto first = scheduler.add(0, Time(0));
  const auto second = scheduler.add(1, Time(0));
  scheduler.measured_round_trip(first, Time(1000));
  scheduler.measured_round_trip(second, Time(1000));
  REQUIRE(scheduler.next(first, Time(0)) == Scheduler::Batch{0});
  REQUIRE(scheduler.next(second, Time(0)) == Scheduler::Batch{1});
  scheduler.started(first, 0, Time(1000));
  scheduler.started(second, 1, Time(1000));
  scheduler.cut_short(first, 0, Time(1001));
  scheduler.remove(first, Time(1001));
  CHECK(scheduler.waiting() == 3);
  // The other one does not get all the rest, as if tests took no time.
  CHECK(scheduler.next(second, Time(2000)).size() < 3);
}
