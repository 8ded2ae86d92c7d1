// The scheduler where tests need things of which there are few.

#include <doctest/doctest.h>

#include <map>
#include <set>

#include "common/schedule/scheduler.h"
#include "tests/schedule_simulation.h"

using namespace subunit;
using namespace subunit::schedule;
using namespace std::chrono_literals;

namespace {

using Scope = Limits::Scope;

struct Resource {
  std::size_t slots;
  Scope scope;
  double part;  // of the tests
};

/// Servers on machines, and tests with needs that are drawn.
class Case {
 public:
  Case(std::vector<Resource> resources, double exclusive, double alone, std::size_t channels,
       std::size_t workers)
      : resources_(std::move(resources)),
        exclusive_(exclusive),
        alone_(alone),
        channels_(channels),
        workers_(workers) {
    for (const Resource& resource : resources_)
      (void)limits_.add_resource(resource.slots, resource.scope);
  }

  void draw(std::size_t count, double known, bool groups, std::mt19937_64& random) {
    std::uniform_real_distribution<double> chance;
    durations_ = skewed_suite(count, random);
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<Limits::Resource> needs;
      for (std::size_t k = 0; k < resources_.size(); ++k)
        if (chance(random) < resources_[k].part) needs.push_back(number(k));
      if (chance(random) < exclusive_) needs.push_back(Limits::kExclusiveOnChannel);
      if (chance(random) < alone_) needs.push_back(Limits::kExclusiveInRun);
      std::optional<Time> expected;
      if (chance(random) < known) expected = durations_[i];
      const std::size_t unit = groups && chance(random) < 0.5 ? count + random() % 5 : i;
      needs_.emplace_back(needs.begin(), needs.end());
      tests_.push_back({expected, unit, limits_.needs(std::move(needs))});
    }
  }

  Scheduler scheduler(Scheduler::Options options = {}) const { return {tests_, options, limits_}; }
  [[nodiscard]] Simulation simulation(Scheduler& scheduler, Time delay) const {
    Simulation simulation(scheduler, durations_, delay);
    simulation.has_limits = true;
    return simulation;
  }
  void join(Simulation& simulation) const {
    for (std::size_t slot = 0; slot < servers(); ++slot)
      simulation.join(slot, 1, 0s, slot / workers_);
  }
  [[nodiscard]] std::size_t servers() const { return channels_ * workers_; }

  /// What was exceeded, or "".
  [[nodiscard]] std::string broken(const Simulation& simulation) const {
    struct Change {
      Time at;
      bool begins;
      std::size_t run;
    };
    std::vector<Change> changes;
    for (std::size_t i = 0; i < simulation.runs.size(); ++i) {
      const auto& run = simulation.runs[i];
      if (!run.ended || *run.ended == run.started) continue;
      changes.push_back({run.started, true, i});
      changes.push_back({*run.ended, false, i});
    }
    std::ranges::stable_sort(
        changes, {}, [](const Change& change) { return std::pair(change.at, change.begins); });
    std::set<std::size_t> running;
    for (const Change& change : changes) {
      if (!change.begins) {
        running.erase(change.run);
        continue;
      }
      running.insert(change.run);
      if (auto what = broken(simulation, running, change.run); !what.empty()) return what;
    }
    return "";
  }

  /// No schedule takes less time.
  [[nodiscard]] Time bound() const {
    Time alone{0}, exclusive{0}, longest{0}, lost{0}, all{0};
    std::map<Limits::Resource, Time> of;
    for (std::size_t i = 0; i < tests_.size(); ++i) {
      const Time time = durations_[i];
      const bool is_exclusive = needs_[i].contains(Limits::kExclusiveOnChannel);
      if (needs_[i].contains(Limits::kExclusiveInRun) || (is_exclusive && channels_ == 1)) {
        alone += time;
        continue;
      }
      all += time;
      longest = std::max(longest, time);
      if (is_exclusive) {  // the rest of its channel is idle, and so are the slots there
        exclusive += time;
        lost += time * (workers_ - 1);
        for (std::size_t k = 0; k < resources_.size(); ++k)
          if (resources_[k].scope == Scope::kChannel)
            of[number(k)] += time * (slots_of(k) / channels_ - needs_[i].count(number(k)));
      }
      for (const Limits::Resource resource : needs_[i]) of[resource] += time;
    }
    Time bound = std::max<Time>({longest, (all + lost) / servers(), exclusive / channels_});
    for (std::size_t k = 0; k < resources_.size(); ++k)
      bound = std::max<Time>(bound, of[number(k)] / slots_of(k));
    return alone + bound;
  }

  [[nodiscard]] const std::vector<Scheduler::Test>& tests() const { return tests_; }

 private:
  /// In the whole run, as far as there are servers for them.
  [[nodiscard]] std::size_t slots_of(std::size_t resource) const {
    const auto [slots, scope, part] = resources_[resource];
    return scope == Scope::kRun ? std::min(slots, servers())
                                : channels_ * std::min(slots, workers_);
  }
  static Limits::Resource number(std::size_t resource) {
    return static_cast<Limits::Resource>(resource + 2);
  }
  [[nodiscard]] std::string broken(const Simulation& simulation,
                                   const std::set<std::size_t>& running, std::size_t added) const {
    const auto channel_of = [&](std::size_t run) { return simulation.runs[run].slot / workers_; };
    const auto needs_of = [&](std::size_t run) { return needs_[simulation.runs[run].test]; };
    std::map<Limits::Resource, std::size_t> used;
    for (const std::size_t run : running) {
      const bool is_near = channel_of(run) == channel_of(added);
      if (run != added) {
        for (const std::size_t one : {run, added}) {
          if (needs_of(one).contains(Limits::kExclusiveInRun)) return "not alone in the run";
          if (is_near && needs_of(one).contains(Limits::kExclusiveOnChannel))
            return "not alone on the channel";
        }
      }
      for (std::size_t k = 0; k < resources_.size(); ++k) {
        const bool counts = is_near || resources_[k].scope == Scope::kRun;
        if (counts && needs_of(run).contains(number(k)) && ++used[number(k)] > resources_[k].slots)
          return "too many at a time";
      }
    }
    return "";
  }

  std::vector<Resource> resources_;
  double exclusive_;
  double alone_;
  std::size_t channels_;
  std::size_t workers_;
  Limits limits_;
  std::vector<Time> durations_;
  std::vector<Scheduler::Test> tests_;
  std::vector<std::set<Limits::Resource>> needs_;
};

Case draw_case(std::size_t kind, std::size_t workers, std::mt19937_64& random) {
  std::uniform_real_distribution<double> chance;
  const auto resource = [&](std::size_t most, double part) {
    return Resource{.slots = 1 + random() % most,
                    .scope = random() % 2 ? Scope::kRun : Scope::kChannel,
                    .part = 0.05 + chance(random) * part};
  };
  std::vector<Resource> resources;
  if (kind != 2) resources.push_back(resource(3, 0.4));
  if (kind == 1 || kind == 4) resources.push_back(resource(2, 0.3));
  const double exclusive = kind >= 2 ? 0.02 + 0.06 * chance(random) : 0;
  return {resources, exclusive, kind == 3 ? 0.02 : 0, 1 + random() % 3, workers};
}

}  // namespace

TEST_CASE("no limit is exceeded and every test ends, however servers come, crash and leave") {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    Case suite = draw_case(seed % 5, 1 + random() % 4, random);
    const double known = std::vector<double>{0, 0.7, 1}[random() % 3];
    suite.draw(1 + random() % 120, known, random() % 2, random);
    Scheduler scheduler = suite.scheduler({.keep_order = random() % 4 == 0,
                                           .one_at_a_time = random() % 4 == 0,
                                           .withdrawable = random() % 4 == 0});
    Simulation simulation =
        suite.simulation(scheduler, std::vector<Time>{0ms, 20ms, 200ms}[random() % 3]);
    suite.join(simulation);
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
    Case suite({{.slots = 1, .scope = Scope::kRun, .part = 2}}, 0, 0, 2, workers);
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
    Case suite = draw_case(seed % 5, 2 + random() % 4, random);
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
  const auto slot = limits.needs({limits.add_resource(1, Scope::kRun)});
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
  const auto slot = limits.needs({limits.add_resource(1, Scope::kRun)});
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
  const auto slot = limits.needs({limits.add_resource(1, Scope::kRun)});
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
  const auto slot = limits.needs({limits.add_resource(1, Scope::kRun)});
  Scheduler scheduler({{1s, 7}, {1s, 7, slot}, {1s, 8, slot}}, {}, limits);
  const auto one = scheduler.add(0, 0s), other = scheduler.add(1, 0s);
  CHECK(scheduler.next(one, 0s) == Scheduler::Batch{0, 1});
  CHECK(scheduler.next(other, 0s).empty());
  scheduler.finished(one, 0, 1s);
  CHECK(scheduler.next(other, 1s).empty());
  scheduler.finished(one, 1, 2s);
  CHECK(scheduler.next(other, 2s) == Scheduler::Batch{2});
}
