#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "dispatcher.h"
#include "fleet/worker_load.h"
#include "limits.h"
#include "waiting_units.h"

namespace subunit::schedule {

/// The tests of a run, in units: which wait, which worker has which, and how many are finished.
///
/// A test waits until its unit is taken for a worker, which has it from then on, and waits again
/// where that worker leaves. Here it is known how much work waits; what Limits know of workers, of
/// what they hold, and of what waits for that, they are told here and nowhere else.
///
/// Which unit is taken, and when, is the caller's choice. Each call costs O(log n) for each test
/// that changes hands, but for sort().
class TestPool {
 public:
  using Unit = WaitingUnits::Unit;
  using Worker = Dispatcher::Worker;
  using Ticket = WorkerLoad::Ticket;

  struct Test {
    std::optional<Time> expected;  ///< on a usual server, from an earlier run
    /// Tests with the same number are one unit: sent together, in order, to one worker.
    std::size_t unit;
    Limits::Needs needs = Limits::kNothing;  ///< a unit needs what any of its tests needs
  };

  /// `one_at_a_time`: a worker gets a single test of a unit, and the rest waits until that is
  /// finished. `limits` are the caller's, and live longer.
  TestPool(const std::vector<Test>& tests, bool one_at_a_time, Limits& limits);

  // What waits.

  /// In the order given, until sort(): then the longest first.
  [[nodiscard]] const WaitingUnits& waiting() const { return waiting_; }
  [[nodiscard]] std::size_t waiting_tests() const { return waiting_tests_; }
  [[nodiscard]] Seconds waiting_work() const { return waiting_work_; }
  /// Of the tests of this unit.
  [[nodiscard]] Seconds waiting_work(Unit unit) const { return units_[unit].work; }
  [[nodiscard]] Limits::Needs needs(Unit unit) const { return units_[unit].needs; }
  /// What it needs is free for this worker.
  [[nodiscard]] bool allowed(Worker worker, std::size_t test) const;
  void sort();

  // Who has what.

  void add(Worker worker, std::size_t channel);
  /// `load`: what it had. That waits again.
  void remove(Worker worker, const WorkerLoad& load);

  /// Appends to `batch` what the worker has from now on. The unit waits.
  void take(Unit unit, Worker worker, Dispatcher::Batch& batch);
  /// A finished test runs again on this worker, until finished() or remove(). All that counts is
  /// what it holds meanwhile.
  void repeat(Worker worker, std::size_t test);
  /// Without effect unless the worker has it.
  void finished(Worker worker, std::size_t test);

  /// If this worker has it, and it is no repetition: larger for what was taken later.
  [[nodiscard]] std::optional<Ticket> ticket(Worker worker, std::size_t test) const;
  [[nodiscard]] Seconds work(std::size_t test) const { return tests_[test].work; }

  /// Every test is finished.
  [[nodiscard]] bool done() const { return finished_ == tests_.size(); }
  /// The duration of a test is known. Otherwise all count the same.
  [[nodiscard]] bool informed() const { return informed_; }

 private:
  enum class State : std::uint8_t { kWaiting, kTaken, kFinished };

  struct TestEntry {
    Seconds work;
    Unit unit;
    State state = State::kWaiting;
    Worker worker = 0;  // if taken
    Ticket ticket = 0;
  };
  struct UnitEntry {
    std::size_t begin = 0;  // in members_; those before are finished
    std::size_t end = 0;
    Seconds work{0};    // of the tests that wait
    Seconds weight{0};  // what it may well take
    Limits::Needs needs = Limits::kNothing;
  };

  void form_units(const std::vector<Test>& tests);
  void set_kinds();
  [[nodiscard]] bool take_test(std::size_t test, Worker worker);
  void put_back(std::size_t test);
  void end_repeat(Worker worker, std::size_t test);
  [[nodiscard]] Limits::Needs needs_of(std::size_t test) const { return needs(tests_[test].unit); }

  bool one_at_a_time_;
  bool informed_;
  Limits& limits_;
  std::vector<TestEntry> tests_;
  std::vector<UnitEntry> units_;
  std::vector<std::uint32_t> members_;  // tests, unit by unit
  WaitingUnits waiting_;
  std::size_t waiting_tests_;
  Seconds waiting_work_{0};
  std::size_t finished_ = 0;
  Ticket next_ticket_ = 0;
  std::map<std::size_t, Worker> repeats_;  // tests that run again, if there are limits
};

}  // namespace subunit::schedule
