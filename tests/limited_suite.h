#pragma once

// Suites whose tests need things of which there are few, and what no schedule of them can beat.

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/schedule/scheduler.h"
#include "tests/schedule_simulation.h"

namespace subunit::schedule {

struct DrawnResource {
  std::size_t slots;
  Limits::Scope scope;
  double part;  // of the tests
};

/// Servers on machines, and tests with needs that are drawn.
class LimitedSuite {
 public:
  LimitedSuite(std::vector<DrawnResource> resources, double exclusive, double alone,
               std::size_t channels, std::size_t workers)
      : resources_(std::move(resources)),
        exclusive_(exclusive),
        alone_(alone),
        channels_(channels),
        workers_(workers) {
    for (const DrawnResource& resource : resources_)
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
      simulation.join(slot, 1, Time(0), channel_of(slot));
  }
  [[nodiscard]] std::size_t channel_of(std::size_t slot) const { return slot / workers_; }
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
          if (resources_[k].scope == Limits::Scope::kChannel)
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
    return scope == Limits::Scope::kRun ? std::min(slots, servers())
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
        const bool counts = is_near || resources_[k].scope == Limits::Scope::kRun;
        if (counts && needs_of(run).contains(number(k)) && ++used[number(k)] > resources_[k].slots)
          return "too many at a time";
      }
    }
    return "";
  }

  std::vector<DrawnResource> resources_;
  double exclusive_;
  double alone_;
  std::size_t channels_;
  std::size_t workers_;
  Limits limits_;
  std::vector<Time> durations_;
  std::vector<Scheduler::Test> tests_;
  std::vector<std::set<Limits::Resource>> needs_;
};

/// `kind`: 0 one resource, 1 two of them, 2 exclusive tests, 3 and 4 both, 3 also tests that are
/// exclusive in the run.
inline LimitedSuite draw_limited_suite(std::size_t kind, std::size_t workers,
                                       std::mt19937_64& random) {
  std::uniform_real_distribution<double> chance;
  const auto resource = [&](std::size_t most, double part) {
    return DrawnResource{.slots = 1 + random() % most,
                         .scope = random() % 2 ? Limits::Scope::kRun : Limits::Scope::kChannel,
                         .part = 0.05 + chance(random) * part};
  };
  std::vector<DrawnResource> resources;
  if (kind != 2) resources.push_back(resource(3, 0.4));
  if (kind == 1 || kind == 4) resources.push_back(resource(2, 0.3));
  const double exclusive = kind >= 2 ? 0.02 + 0.06 * chance(random) : 0;
  return {resources, exclusive, kind == 3 ? 0.02 : 0, 1 + random() % 3, workers};
}

}  // namespace subunit::schedule
