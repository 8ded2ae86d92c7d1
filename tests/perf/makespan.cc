// makespan simulate CASE...    runs suites on the scheduler in virtual time
// makespan limits TESTS SUITES prints makespans where tests need things of which there are few
// makespan cost TESTS WORKERS  prints what the scheduler costs
//
// A CASE is WORKERS,SPEED: so many workers, the first of them, which is also the first to ask, with
// that speed, the others with 1. A suite on the standard input is the number of its tests, and for
// each of them its duration and what an earlier run says about that, in seconds. For each suite
// comes one line with two makespans in seconds for each case: without and with that history.
//
// Limits is one line for each kind of limit: its name, and for each suite two makespans over a
// lower bound, of the usual order and of the given one. The suites are drawn, durations are known,
// and eight workers are on two machines.
//
// Cost is one line for each kind of suite: its name, and microseconds of CPU time for each test.
// The time covers all calls that a client makes, and none of what it does besides.

#include <time.h>

#include <cstdio>
#include <iostream>
#include <string>

#include "common/schedule/scheduler.h"
#include "tests/limited_suite.h"
#include "tests/perf/packets.h"
#include "tests/schedule_simulation.h"

namespace {

using subunit::Time;
using subunit::schedule::Limits;
using subunit::schedule::Scheduler;
using Tests = std::vector<Scheduler::Test>;

struct Suite {
  std::vector<Time> durations;
  Tests unknown;
  Tests known;

  void add(Time duration, Time history) {
    unknown.push_back({std::nullopt, durations.size()});
    known.push_back({history, durations.size()});
    durations.push_back(duration);
  }
};

struct Case {
  std::size_t workers;
  double first_speed;
};

double makespan(const Suite& suite, const Tests& tests, const Case& machines) {
  Scheduler scheduler(tests, {});
  subunit::schedule::Simulation simulation(scheduler, suite.durations, Time(0));
  for (std::size_t slot = 0; slot < machines.workers; ++slot)
    simulation.join(slot, slot == 0 ? machines.first_speed : 1, Time(0));
  simulation.run();
  if (!scheduler.done()) perf::die("the scheduler has stopped too early");
  return std::chrono::duration<double>(simulation.makespan()).count();
}

int simulate(const std::vector<Case>& cases) {
  for (std::size_t count = 0; std::cin >> count;) {
    Suite suite;
    for (double duration = 0, history = 0; count > 0 && std::cin >> duration >> history; --count)
      suite.add(subunit::schedule::seconds(duration), subunit::schedule::seconds(history));
    if (count > 0) perf::die("a suite is cut off");
    for (const Case& machines : cases)
      std::printf("%.6f %.6f ", makespan(suite, suite.unknown, machines),
                  makespan(suite, suite.known, machines));
    std::printf("\n");
  }
  return 0;
}

/// A suite without tests yet, for two machines with four workers each.
subunit::schedule::LimitedSuite limited(std::size_t kind) {
  using Scope = Limits::Scope;
  const bool is_near = kind == 2;
  std::vector<subunit::schedule::DrawnResource> resources;
  if (kind != 3)
    resources.push_back(
        {is_near ? 1U : 2U, is_near ? Scope::kChannel : Scope::kRun, is_near ? 0.25 : 0.2});
  if (kind == 1) resources.push_back({1, Scope::kRun, 0.1});
  return {resources, kind >= 3 ? 0.02 : 0, 0, 2, 4};
}

/// Of a suite over the least possible.
double over_bound(const subunit::schedule::LimitedSuite& suite, Scheduler::Options options) {
  Scheduler scheduler = suite.scheduler(options);
  auto simulation = suite.simulation(scheduler, Time(0));
  suite.join(simulation);
  simulation.run();
  if (!scheduler.done()) perf::die("the scheduler has stopped too early");
  if (const std::string broken = suite.broken(simulation); !broken.empty()) perf::die(broken);
  return std::chrono::duration<double>(simulation.makespan()) /
         std::chrono::duration<double>(suite.bound());
}

int limits(std::size_t tests, std::size_t suites) {
  constexpr const char* kKinds[] = {"a resource", "two resources", "a resource on each channel",
                                    "exclusive tests", "a resource and exclusive tests"};
  for (std::size_t kind = 0; kind < std::size(kKinds); ++kind) {
    std::printf("%s", kKinds[kind]);
    for (std::size_t seed = 0; seed < suites; ++seed) {
      std::mt19937_64 random(seed);
      auto suite = limited(kind);
      suite.draw(tests, 1, false, random);
      std::printf("\t%.6f %.6f", over_bound(suite, {}), over_bound(suite, {.keep_order = true}));
    }
    std::printf("\n");
  }
  return 0;
}

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Calls `scheduler` as a client would while `workers` run one test after the other.
void drive(Scheduler& scheduler, const Suite& suite, std::size_t workers) {
  struct Lane {
    Scheduler::Worker worker;
    Scheduler::Batch tests = {};  // sent, the next one last
    Time free{0};
  };
  std::vector<Lane> lanes;
  for (std::size_t slot = 0; slot < workers; ++slot) {
    lanes.push_back({.worker = scheduler.add(slot, Time(0))});
    scheduler.measured_round_trip(lanes.back().worker, std::chrono::microseconds(300));
  }
  const auto ask = [&](Lane& lane, Time now) {
    const Scheduler::Batch batch = scheduler.next(lane.worker, now);
    lane.tests.insert(lane.tests.begin(), batch.rbegin(), batch.rend());
  };
  for (Lane& lane : lanes) ask(lane, Time(0));
  while (!scheduler.done()) {
    Lane* next = nullptr;  // whose test ends first
    for (Lane& lane : lanes) {
      if (lane.tests.empty()) continue;
      if (!next || lane.free + suite.durations[lane.tests.back()] <
                       next->free + suite.durations[next->tests.back()])
        next = &lane;
    }
    if (!next) perf::die("the scheduler has stopped too early");
    const std::size_t test = next->tests.back();
    next->tests.pop_back();
    scheduler.started(next->worker, test, next->free);
    next->free += suite.durations[test];
    scheduler.finished(next->worker, test, next->free);
    ask(*next, next->free);
    if (scheduler.next_deadline() == next->free) perf::die("a deadline that does not move");
    for (Lane& lane : lanes) {  // at a deadline it would be asked
      if (!lane.tests.empty()) continue;
      lane.free = std::max(lane.free, next->free);
      ask(lane, lane.free);
    }
  }
}

int cost(std::size_t tests, std::size_t workers) {
  std::mt19937_64 random(1);
  Suite skewed, tiny;
  for (const Time duration : subunit::schedule::skewed_suite(tests, random)) {
    skewed.add(duration, duration);
    tiny.add(duration / 100'000, duration / 100'000);  // a median of 10 us
  }
  const auto measure = [&](const char* name, const Suite& suite, const Tests& list,
                           const Limits& limits = {}) {
    const double start = cpu_seconds();
    Scheduler scheduler(list, {}, limits);
    drive(scheduler, suite, workers);
    std::printf("%s\t%.4f\n", name, (cpu_seconds() - start) * 1e6 / static_cast<double>(tests));
  };
  measure("seconds, with history", skewed, skewed.known);
  measure("seconds, without history", skewed, skewed.unknown);
  measure("microseconds, with history", tiny, tiny.known);
  measure("microseconds, without history", tiny, tiny.unknown);
  Limits limits;
  const auto slot = limits.needs({limits.add_resource(4, Limits::Scope::kRun)});
  const auto with_needs = [slot](Tests list) {
    for (std::size_t i = 0; i < list.size(); i += 10) list[i].needs = slot;
    return list;
  };
  measure("seconds, with history and a resource", skewed, with_needs(skewed.known), limits);
  measure("seconds, with a resource", skewed, with_needs(skewed.unknown), limits);
  measure("microseconds, with history and a resource", tiny, with_needs(tiny.known), limits);
  measure("microseconds, with a resource", tiny, with_needs(tiny.unknown), limits);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 3 && words[0] == "cost")
    return cost(std::stoul(words[1]), std::stoul(words[2]));
  if (words.size() == 3 && words[0] == "limits")
    return limits(std::stoul(words[1]), std::stoul(words[2]));
  if (words.size() < 2 || words[0] != "simulate") perf::die("usage: see the source");
  std::vector<Case> cases;
  for (std::size_t i = 1; i < words.size(); ++i)
    cases.push_back({std::stoul(words[i]), std::stod(words[i].substr(words[i].find(',') + 1))});
  return simulate(cases);
}
