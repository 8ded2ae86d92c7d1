#include "common/schedule/replay.h"

#include <doctest/doctest.h>

#include "common/schedule/scheduler.h"
#include "tests/schedule_simulation.h"

using namespace subunit;
using namespace subunit::schedule;
using namespace std::chrono_literals;

namespace {

using Batch = Replay::Batch;

const std::vector<std::string> kIds{"a", "b", "c", "d", "e"};

std::unique_ptr<Replay> replay_of(const std::vector<ScheduleEntry>& log,
                                  bool one_at_a_time = false) {
  auto replay = Replay::create(log, kIds, one_at_a_time);
  REQUIRE(replay);
  return std::move(*replay);
}

ScheduleEntry entry(std::size_t worker, std::vector<std::string> tests) {
  return {.at = 0s, .worker = worker, .tests = std::move(tests)};
}

}  // namespace

TEST_CASE("a replay gives each slot its batches in order, the next one at the last test of each") {
  const auto replay =
      replay_of({entry(3, {"c", "a"}), entry(1, {"e"}), entry(3, {"b"}), entry(3, {"d"})});
  CHECK(replay->slots() == std::vector<std::size_t>{1, 3});
  CHECK(replay->waiting() == 5);
  const auto three = replay->add(3, 0s);
  const auto one = replay->add(1, 0s);
  CHECK(replay->next(one, 0s) == Batch{4});
  CHECK(replay->next(three, 0s) == Batch{2, 0});
  CHECK(replay->next(three, 0s).empty());
  replay->finished(three, 2, 1s);
  CHECK(replay->next(three, 1s) == Batch{1});
  CHECK(replay->next(three, 1s).empty());
  replay->finished(three, 0, 2s);
  CHECK(replay->next(three, 2s) == Batch{3});
  CHECK(replay->waiting() == 0);
  for (const std::size_t test : {1, 3}) replay->finished(three, test, 3s);
  CHECK_FALSE(replay->done());
  replay->finished(one, 4, 3s);
  CHECK(replay->done());
  CHECK(replay->next(one, 3s).empty());
}

TEST_CASE("one at a time the next batch waits for the end of the one before") {
  const auto replay = replay_of({entry(0, {"a"}), entry(0, {"b"})}, true);
  const auto worker = replay->add(0, 0s);
  CHECK(replay->next(worker, 0s) == Batch{0});
  CHECK(replay->next(worker, 0s).empty());
  replay->finished(worker, 0, 1s);
  CHECK(replay->next(worker, 1s) == Batch{1});
}

TEST_CASE("what a worker has lost goes to the next server in its slot, first of all") {
  const auto replay = replay_of({entry(0, {"a", "b", "c"}), entry(0, {"d"}), entry(1, {"e"})});
  const auto first = replay->add(0, 0s);
  CHECK(replay->next(first, 0s) == Batch{0, 1, 2});
  replay->finished(first, 0, 1s);
  replay->remove(first, 1s);
  CHECK(replay->waiting() == 4);
  const auto second = replay->add(0, 2s);
  CHECK(replay->next(second, 2s) == Batch{1, 2});
  replay->finished(second, 1, 3s);
  CHECK(replay->next(second, 3s) == Batch{3});
  replay->remove(second, 4s);
  CHECK(replay->next(replay->add(0, 5s), 5s) == Batch{2, 3});
}

TEST_CASE(
    "a test that stands twice in the log goes to the second worker only if the first lost it") {
  const std::vector<ScheduleEntry> log{entry(0, {"a", "b"}), entry(1, {"c"}), entry(1, {"b"})};
  SUBCASE("it does not lose it") {
    const auto replay = replay_of(log);
    const auto one = replay->add(1, 0s);
    CHECK(replay->next(one, 0s) == Batch{2});
    // Even if the second comes to it before the first has asked.
    CHECK(replay->next(one, 0s).empty());
    const auto zero = replay->add(0, 0s);
    CHECK(replay->next(zero, 0s) == Batch{0, 1});
    replay->finished(one, 2, 1s);
    for (const std::size_t test : {0, 1}) replay->finished(zero, test, 1s);
    CHECK(replay->done());
  }
  SUBCASE("it loses it before the second comes to it") {
    const auto replay = replay_of(log);
    const auto zero = replay->add(0, 0s);
    CHECK(replay->next(zero, 0s) == Batch{0, 1});
    replay->finished(zero, 0, 1s);
    replay->remove(zero, 1s);
    CHECK(replay->next(replay->add(0, 1s), 1s).empty());
    const auto one = replay->add(1, 0s);
    CHECK(replay->next(one, 2s) == Batch{2});
    CHECK(replay->next(one, 2s) == Batch{1});
  }
  SUBCASE("it loses it after the second has passed over it") {
    const auto replay = replay_of(log);
    const auto zero = replay->add(0, 0s);
    const auto one = replay->add(1, 0s);
    CHECK(replay->next(zero, 0s) == Batch{0, 1});
    CHECK(replay->next(one, 0s) == Batch{2});
    CHECK(replay->next(one, 0s).empty());
    replay->remove(zero, 1s);
    CHECK(replay->next(replay->add(0, 1s), 1s) == Batch{0, 1});
  }
}

TEST_CASE("a log with a test that is not there now is an error that names it") {
  const auto replay = Replay::create({entry(4, {"a", "x\n"})}, kIds, false);
  REQUIRE_FALSE(replay);
  CHECK(replay.error().text.find("\"x\\n\"") != std::string::npos);
  CHECK(replay.error().text.find("worker 4") != std::string::npos);
}

TEST_CASE("tests that the log does not name are neither sent nor missing") {
  const auto replay = replay_of({entry(0, {"b"})});
  const auto worker = replay->add(0, 0s);
  CHECK(replay->waiting() == 1);
  CHECK(replay->next(worker, 0s) == Batch{1});
  replay->finished(worker, 1, 1s);
  CHECK(replay->done());
}

TEST_CASE("a replay of what a scheduler did, crashes and all, repeats it") {
  for (std::uint32_t seed = 0; seed < 30; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const auto durations = skewed_suite(100, random);
    std::vector<Scheduler::Test> tests;
    std::vector<std::string> ids;
    for (std::size_t i = 0; i < durations.size(); ++i) {
      tests.push_back({durations[i], i});
      ids.push_back("test_" + std::to_string(i));
    }
    const auto run = [&](Dispatcher& dispatcher, bool crashes) {
      Simulation simulation(dispatcher, durations, 20ms);
      for (std::size_t slot = 0; slot < 3; ++slot) simulation.join(slot, 1, 0s);
      if (crashes) simulation.leave(seed % 3, 10s, false, 1s);
      simulation.run();
      CHECK(dispatcher.done());
      for (const int results : simulation.results) CHECK(results == 1);
      return simulation.messages;
    };
    Scheduler scheduler(tests, {});
    const bool crashes = seed % 2;
    std::vector<ScheduleEntry> log;
    for (const auto& message : run(scheduler, crashes)) {
      log.push_back({.at = message.at, .worker = message.slot, .tests = {}});
      for (const std::size_t test : message.tests) log.back().tests.push_back(ids[test]);
    }
    auto replay = Replay::create(log, ids, false);
    REQUIRE(replay);
    const auto messages = run(**replay, crashes);
    if (crashes) continue;
    for (std::size_t slot = 0; slot < 3; ++slot) {
      std::vector<std::vector<std::string>> logged, replayed;
      for (const auto& entry : log) {
        if (entry.worker == slot) logged.push_back(entry.tests);
      }
      for (const auto& message : messages) {
        if (message.slot != slot) continue;
        replayed.emplace_back();
        for (const std::size_t test : message.tests) replayed.back().push_back(ids[test]);
      }
      CHECK(replayed == logged);
    }
  }
}
