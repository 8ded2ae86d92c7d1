#include <doctest/doctest.h>

#include <map>

#include "common/schedule/scheduler.h"
#include "tests/schedule_simulation.h"

using namespace subunit;
using namespace subunit::schedule;
using namespace std::chrono_literals;

namespace {

constexpr Time kDelays[] = {0ms, 20ms, 200ms};

struct Suite {
  std::vector<Time> durations;
  std::vector<Scheduler::Test> tests;
};

/// `known`: the part of the tests that have a history, which is exact.
Suite make_suite(std::size_t count, double known, bool groups, std::mt19937_64& random) {
  Suite suite{.durations = skewed_suite(count, random), .tests = {}};
  std::uniform_real_distribution<double> chance;
  for (std::size_t i = 0; i < count; ++i) {
    std::optional<Time> expected;
    if (chance(random) < known) expected = suite.durations[i];
    const std::size_t unit = groups && chance(random) < 0.5 ? count + random() % 5 : i;
    suite.tests.push_back({expected, unit});
  }
  return suite;
}

Time random_time(Time below, std::mt19937_64& random) {
  return Time(static_cast<Time::rep>(random() % static_cast<std::uint64_t>(below.count())));
}

/// From the end of one test on a slot to the start of the next.
std::map<std::size_t, std::vector<std::pair<Time, Time>>> idle_times(const Simulation& simulation) {
  std::map<std::size_t, std::vector<std::pair<Time, Time>>> idle;
  std::map<std::size_t, Time> since;
  for (const auto& run : simulation.runs) {
    idle[run.slot].emplace_back(since[run.slot], run.started);
    since[run.slot] = *run.ended;
  }
  for (const auto& [slot, time] : since) idle[slot].emplace_back(time, Time::max());
  return idle;
}

}  // namespace

TEST_CASE("every test runs once, and a unit is one piece, however servers come, crash and leave") {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const double known = std::vector<double>{0, 0.7, 1}[random() % 3];
    const Suite suite = make_suite(1 + random() % 200, known, random() % 2, random);
    const Scheduler::Options options{.keep_order = random() % 4 == 0,
                                     .one_at_a_time = random() % 4 == 0};
    Scheduler scheduler(suite.tests, options);
    Simulation simulation(scheduler, suite.durations, kDelays[random() % 3]);
    const std::size_t servers = 1 + random() % 8;
    for (std::size_t slot = 0; slot < servers; ++slot)
      simulation.join(slot, slot % 3 == 0 ? 0.5 : 1, random_time(20s, random));
    std::vector<bool> crashed(suite.tests.size());
    for (int i = 0; i < 10; ++i) {
      const auto back =
          random() % 2 || servers == 1 ? std::optional(random_time(5s, random)) : std::nullopt;
      const std::size_t slot = servers == 1 ? 0 : 1 + random() % (servers - 1);
      simulation.leave(slot, random_time(100s, random), random() % 2, back);
    }
    simulation.run();

    CHECK(scheduler.done());
    CHECK(scheduler.waiting() == 0);
    CHECK_FALSE(scheduler.next_deadline());
    for (const int results : simulation.results) CHECK(results == 1);
    for (const auto& message : simulation.messages) {
      if (options.one_at_a_time) CHECK(message.tests.size() == 1);
      // Within a message a unit is contiguous and in order.
      std::map<std::size_t, std::size_t> last_place;
      for (std::size_t i = 0; i < message.tests.size(); ++i) {
        const std::size_t unit = suite.tests[message.tests[i]].unit;
        const auto before = last_place.find(unit);
        if (before != last_place.end()) {
          CHECK(before->second == i - 1);
          CHECK(message.tests[i - 1] < message.tests[i]);
        }
        last_place[unit] = i;
      }
    }
  }
}

TEST_CASE("while all servers stay, a unit runs on one of them, in one message") {
  for (std::uint32_t seed = 0; seed < 50; ++seed) {
    std::mt19937_64 random(seed);
    const Suite suite = make_suite(200, 0.5, true, random);
    Scheduler scheduler(suite.tests, {});
    Simulation simulation(scheduler, suite.durations, kDelays[seed % 3]);
    for (std::size_t slot = 0; slot < 4; ++slot) simulation.join(slot, 1, 0s);
    simulation.run();
    std::map<std::size_t, std::size_t> message_of;
    for (std::size_t i = 0; i < simulation.messages.size(); ++i) {
      for (const std::size_t test : simulation.messages[i].tests)
        CHECK(message_of.try_emplace(suite.tests[test].unit, i).first->second == i);
    }
  }
}

TEST_CASE("the same suite and the same events give the same schedule") {
  const auto order = [] {
    std::mt19937_64 random(5);
    const Suite suite = make_suite(500, 0.7, true, random);
    Scheduler scheduler(suite.tests, {});
    Simulation simulation(scheduler, suite.durations, 20ms);
    for (std::size_t slot = 0; slot < 8; ++slot) simulation.join(slot, slot == 3 ? 0.5 : 1, 0s);
    simulation.leave(2, 10s, true, 1s);
    simulation.run();
    std::vector<std::pair<std::size_t, Scheduler::Batch>> messages;
    for (const auto& message : simulation.messages)
      messages.emplace_back(message.slot, message.tests);
    return messages;
  };
  CHECK(order() == order());
}

TEST_CASE("with durations known no server waits for the channel, whatever its delay") {
  for (const Time delay : kDelays) {
    for (std::uint32_t seed = 0; seed < 60; ++seed) {
      CAPTURE(delay.count());
      CAPTURE(seed);
      std::mt19937_64 random(seed);
      const Suite suite = make_suite(400, 1, false, random);
      Scheduler scheduler(suite.tests, {});
      Simulation simulation(scheduler, suite.durations, delay);
      const std::size_t servers = std::size_t{1} << seed % 4;
      for (std::size_t slot = 0; slot < servers; ++slot) simulation.join(slot, 1, 0s);
      simulation.run();
      // Once a server: until it has run one test, durations could be wrong.
      std::size_t starved = 0;
      for (const auto& gap : simulation.gaps) starved += gap.starved && gap.to > gap.from;
      CHECK(starved <= servers);
    }
  }
}

TEST_CASE("without durations no server waits for the channel, until little is left") {
  for (const Time delay : kDelays) {
    for (const Time each : std::vector<Time>{1ms, 10ms, 100ms, 1s}) {
      CAPTURE(delay.count());
      CAPTURE(each.count());
      const std::vector<Time> durations(each == 1ms ? 20'000 : 2000, each);
      std::vector<Scheduler::Test> tests;
      for (std::size_t i = 0; i < durations.size(); ++i) tests.push_back({std::nullopt, i});
      Scheduler scheduler(tests, {});
      Simulation simulation(scheduler, durations, delay);
      for (std::size_t slot = 0; slot < 4; ++slot) simulation.join(slot, 1, 0s);
      simulation.run();
      Time idle{0};
      for (const auto& gap : simulation.gaps) idle += gap.to - gap.from;
      // In all, each server has waited for two messages: to learn about durations, and at the end.
      CHECK(idle <= 4 * 2 * (2 * delay + 1ms));
    }
  }
}

TEST_CASE("with durations known nothing waits behind a long test while another server is idle") {
  for (const Time delay : kDelays) {
    for (std::uint32_t seed = 0; seed < 60; ++seed) {
      CAPTURE(delay.count());
      CAPTURE(seed);
      std::mt19937_64 random(seed);
      const Suite suite = make_suite(20 + random() % 200, 1, false, random);
      Scheduler scheduler(suite.tests, {});
      Simulation simulation(scheduler, suite.durations, delay);
      for (std::size_t slot = 0; slot < 4; ++slot) simulation.join(slot, 1, 0s);
      simulation.run();
      const auto idle = idle_times(simulation);
      // About the time that it would take to go elsewhere.
      const Time short_wait = 2 * delay * 3 / 2 + 10ms;
      for (const auto& run : simulation.runs) {
        for (const auto& [slot, times] : idle) {
          if (slot == run.slot) continue;
          for (const auto& [from, to] : times)
            CHECK(std::min(to, run.started) - std::max(from, run.arrived) <= short_wait);
        }
      }
    }
  }
}

TEST_CASE("with durations known a run takes hardly longer than it must") {
  for (std::uint32_t seed = 0; seed < 50; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const Suite suite = make_suite(500, 1, false, random);
    Scheduler scheduler(suite.tests, {});
    Simulation simulation(scheduler, suite.durations, 20ms);
    for (std::size_t slot = 0; slot < 8; ++slot) simulation.join(slot, slot == 0 ? 0.5 : 1, 0s);
    simulation.run();
    Time total{0}, longest{0};
    for (const Time duration : suite.durations) {
      total += duration;
      longest = std::max(longest, duration);
    }
    const Time bound = std::max(total * 2 / 15, longest);
    CHECK(simulation.makespan() <= bound * 103 / 100);
  }
}
