#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "dispatcher.h"
#include "fleet/speed.h"

namespace subunit::schedule {

/// What tests need of which there is not enough for all of them, and who holds it.
///
/// A test may need one of two licences, a port with a fixed number, or a machine for itself. Three
/// obvious ways are slow or wrong. Locks that tests take themselves make workers wait that could
/// run something else, and the wait counts as the test's duration in every later run. One worker
/// for all tests of a resource (--group) uses one slot of several, and runs them in one piece, also
/// where another worker would be free. A phase of their own, before or after the rest, leaves all
/// workers idle that get no slot.
///
/// So the scheduler knows what each test needs, and gives a worker a test only if all of it is
/// free. Nothing is held while something else is waited for: no order of events is a deadlock.
///
/// A slot is held by a worker, from when a test that needs it is sent until the last such test of
/// the worker has ended. A worker runs one test at a time: however many such tests wait there one
/// behind the other, they use one slot.
///
/// Nothing else runs beside an exclusive test on its channel, or in the whole run. That is a
/// resource of which a channel, or the run, has one slot, and which allows nobody else anything.
class Limits {
 public:
  using Worker = Dispatcher::Worker;
  enum class Scope : std::uint8_t { kRun, kChannel };
  using Resource = std::uint32_t;
  /// A set of resources, as a number: equal sets have the same.
  using Needs = std::uint32_t;

  static constexpr Needs kNothing = 0;
  static constexpr Resource kExclusiveOnChannel = 0;
  static constexpr Resource kExclusiveInRun = 1;

  Limits();

  // Before the first worker.

  /// `slots`, at least one: in the run, or on each channel.
  Resource add_resource(std::size_t slots, Scope scope);
  /// A set with these, in any order.
  Needs needs(std::vector<Resource> resources);
  /// What either of them needs.
  Needs both(Needs one, Needs other);

  /// There is something to need.
  [[nodiscard]] bool any() const { return sets_.size() > 1; }
  /// How many sets there are: they have the numbers below.
  [[nodiscard]] std::size_t sets() const { return sets_.size(); }

  [[nodiscard]] std::size_t resources(Needs needs) const { return sets_[needs].size(); }
  /// There is a resource that both need.
  [[nodiscard]] bool share(Needs one, Needs other) const;

  // Who holds what.

  void add(Worker worker, std::size_t channel);
  /// What it holds is free.
  void remove(Worker worker);

  /// Everything it needs is free, or the worker's already.
  [[nodiscard]] bool allows(Worker worker, Needs needs) const;
  /// The same of a test that is sent behind another: the last test that was sent to the worker
  /// needs all of that, too, so that nothing is held while something else runs.
  [[nodiscard]] bool continues(Worker worker, Needs needs) const;
  /// A test was sent, and has ended. It counts, whatever it needs.
  void hold(Worker worker, Needs needs);
  void release(Worker worker, Needs needs);

  // What is scarce.

  /// A test begins to wait, or does so no more with a negative time.
  void waits(Needs needs, Seconds work);
  /// For how long each worker has something to do, as `rest_of(worker)` says.
  template <typename RestOf>
  void count_rests(const RestOf& rest_of) {
    for (Kind& kind : resources_) kind.held = Seconds(0);
    each_rest(rest_of,
              [this](Resource resource, Seconds rest) { resources_[resource].held += rest; });
  }
  /// What waits for a resource in `needs`, and what holds it, takes at least so long; no time if
  /// there are slots for all workers.
  [[nodiscard]] Seconds shortage(Needs needs) const;
  /// The same of the resource that takes longest, where work takes `slowness` times as long, and
  /// with rests as they are now.
  [[nodiscard]] Seconds least_time(double slowness,
                                   const std::function<Seconds(Worker)>& rest_of) const;
  /// What workers will not do that are idle beside exclusive tests which wait: at least so much, if
  /// all are equally fast.
  [[nodiscard]] Seconds idle_work() const;
  /// How much of all that waits is exclusive.
  [[nodiscard]] Seconds exclusive_work(Scope scope) const {
    return resources_[scope == Scope::kRun ? kExclusiveInRun : kExclusiveOnChannel].waiting;
  }
  /// It must be alone in this scope; nothing: it need not.
  [[nodiscard]] std::optional<Scope> exclusive(Needs needs) const { return exclusive_[needs]; }

  // Where.

  [[nodiscard]] std::size_t workers() const { return workers_.size(); }
  [[nodiscard]] std::size_t channels() const { return channels_.size(); }
  /// Workers on the channel of this one.
  [[nodiscard]] std::size_t neighbours(Worker worker) const;
  /// Channels with one worker, where a test is alone in any case.
  [[nodiscard]] std::size_t single_channels() const;
  [[nodiscard]] bool same_channel(Worker one, Worker other) const {
    return loads_[one]->place == loads_[other]->place;
  }
  /// Other channels with several workers on which nothing runs, or an exclusive test.
  [[nodiscard]] std::size_t other_dry_channels(Worker worker) const;

 private:
  struct Kind {
    std::size_t slots;
    Scope scope;
    Seconds waiting{0};        // work
    Seconds held{0};           // for how long, by all workers together
    std::size_t capacity = 0;  // workers that can hold it at the same time
  };
  struct Place {  // a channel, or the run
    std::size_t workers = 0;
    std::size_t busy = 0;           // of these
    std::vector<std::size_t> used;  // workers that hold it, by resource
  };
  struct Load {
    std::size_t channel;
    Place* place;  // the channel
    std::size_t tests = 0;
    Needs last = kNothing;              // of what it was sent last
    std::vector<std::size_t> tests_of;  // by resource
  };
  using Set = std::vector<Resource>;

  [[nodiscard]] static bool alone(const Place& place, const Load& load) {
    return place.busy == (load.tests > 0 ? 1 : 0);
  }
  [[nodiscard]] const Place& place_of(Resource resource, const Load& load) const {
    return resources_[resource].scope == Scope::kRun ? run_ : *load.place;
  }
  [[nodiscard]] Place& place_of(Resource resource, const Load& load) {
    return resources_[resource].scope == Scope::kRun ? run_ : *load.place;
  }
  template <typename RestOf, typename Add>
  void each_rest(const RestOf& rest_of, const Add& add) const {
    for (const auto& [worker, load] : workers_) {
      if (load.tests == 0 || load.last == kNothing) continue;
      const Seconds rest = rest_of(worker);
      for (const Resource resource : sets_[load.last]) add(resource, rest);
    }
  }
  /// There are workers, and not a slot for each of them.
  [[nodiscard]] bool scarce(const Kind& kind) const {
    return kind.capacity > 0 && kind.capacity < workers_.size();
  }
  void drop(Load& load, Resource resource);
  void count_capacity();

  std::vector<Kind> resources_;
  std::vector<Set> sets_;                        // each ascending
  std::vector<std::optional<Scope>> exclusive_;  // by set
  std::map<Set, Needs> numbers_;
  std::map<Worker, Load> workers_;
  std::vector<Load*> loads_;  // by worker, since that is asked for all the time
  std::map<std::size_t, Place> channels_;
  Place run_;
};

}  // namespace subunit::schedule
