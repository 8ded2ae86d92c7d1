#include "common/schedule/test_pool.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace subunit::schedule {
namespace {

using namespace std::chrono_literals;

// Without any history a test counts as this long until the first has ended.
constexpr Seconds kUnknownTest = 1s;
// A test that was never seen counts as the mean of the others, but may take this many times that,
// and one that does must not be among the last.
constexpr double kMayTake = 4;

/// Of the tests that are known; nothing if none is.
std::optional<Seconds> mean_of(const std::vector<TestPool::Test>& tests) {
  Seconds sum(0);
  std::size_t known = 0;
  for (const TestPool::Test& test : tests) {
    if (!test.expected) continue;
    sum += *test.expected;
    ++known;
  }
  if (known == 0) return std::nullopt;
  return sum / static_cast<double>(known);
}

std::size_t count_units(const std::vector<TestPool::Test>& tests) {
  std::vector<std::size_t> units;
  units.reserve(tests.size());
  for (const TestPool::Test& test : tests) units.push_back(test.unit);
  std::sort(units.begin(), units.end());
  return static_cast<std::size_t>(std::unique(units.begin(), units.end()) - units.begin());
}

}  // namespace

TestPool::TestPool(const std::vector<Test>& tests, bool one_at_a_time, Limits& limits)
    : one_at_a_time_(one_at_a_time),
      informed_(mean_of(tests).has_value()),
      limits_(limits),
      waiting_(count_units(tests)),
      waiting_tests_(tests.size()) {
  form_units(tests);
  if (limits_.any()) set_kinds();
}

void TestPool::form_units(const std::vector<Test>& tests) {
  const Seconds mean = mean_of(tests).value_or(kUnknownTest);
  std::unordered_map<std::size_t, Unit> numbers;
  units_.resize(waiting_.size());
  tests_.reserve(tests.size());
  for (const Test& test : tests) {
    const auto number = static_cast<Unit>(numbers.size());
    const Unit unit = numbers.try_emplace(test.unit, number).first->second;
    const Seconds work = test.expected ? Seconds(*test.expected) : mean;
    tests_.push_back({.work = work, .unit = unit});
    units_[unit].work += work;
    units_[unit].weight += test.expected ? work : work * kMayTake;
    if (limits_.any()) units_[unit].needs = limits_.both(units_[unit].needs, test.needs);
    waiting_work_ += work;
    ++units_[unit].end;  // how many, so far
  }
  std::size_t begin = 0;
  for (UnitEntry& unit : units_) {
    unit.begin = std::exchange(begin, begin + unit.end);
    unit.end = unit.begin;
  }
  members_.resize(tests.size());
  for (std::size_t i = 0; i < tests.size(); ++i)
    members_[units_[tests_[i].unit].end++] = static_cast<std::uint32_t>(i);
}

void TestPool::set_kinds() {
  std::vector<WaitingUnits::Kind> kinds;
  kinds.reserve(units_.size());
  for (const UnitEntry& unit : units_) {
    kinds.push_back(unit.needs);
    limits_.waits(unit.needs, unit.work);
  }
  waiting_.set_kinds(std::move(kinds), limits_.sets());
}

bool TestPool::allowed(Worker worker, std::size_t test) const {
  return !limits_.any() || limits_.allows(worker, needs_of(test));
}

void TestPool::sort() {
  std::vector<double> weights;
  weights.reserve(units_.size());
  for (const UnitEntry& unit : units_) weights.push_back(unit.weight.count());
  waiting_.sort(std::move(weights));
}

// Who has what.

void TestPool::add(Worker worker, std::size_t channel) {
  if (limits_.any()) limits_.add(worker, channel);
}

void TestPool::remove(Worker worker, const WorkerLoad& load) {
  for (const auto& [ticket, held] : load.held()) put_back(held.test);
  if (!limits_.any()) return;
  limits_.remove(worker);
  std::erase_if(repeats_, [worker](const auto& repeat) { return repeat.second == worker; });
}

void TestPool::put_back(std::size_t test) {
  TestEntry& entry = tests_[test];
  entry.state = State::kWaiting;
  units_[entry.unit].work += entry.work;
  waiting_work_ += entry.work;
  if (limits_.any()) limits_.waits(needs_of(test), entry.work);
  ++waiting_tests_;
  waiting_.put_back(entry.unit);
}

void TestPool::take(Unit unit, Worker worker, Dispatcher::Batch& batch) {
  waiting_.take(unit);
  const UnitEntry& entry = units_[unit];
  const std::size_t end = one_at_a_time_ ? entry.begin + 1 : entry.end;
  for (std::size_t i = entry.begin; i < end; ++i)
    if (take_test(members_[i], worker)) batch.push_back(members_[i]);
}

/// Unless somebody has it already, or it is finished.
bool TestPool::take_test(std::size_t test, Worker worker) {
  TestEntry& entry = tests_[test];
  if (entry.state != State::kWaiting) return false;
  entry.state = State::kTaken;
  entry.worker = worker;
  entry.ticket = next_ticket_++;
  units_[entry.unit].work -= entry.work;
  waiting_work_ -= entry.work;
  if (limits_.any()) {
    limits_.waits(needs_of(test), -entry.work);
    limits_.hold(worker, needs_of(test));
  }
  --waiting_tests_;
  return true;
}

void TestPool::repeat(Worker worker, std::size_t test) {
  if (!limits_.any()) return;
  limits_.hold(worker, needs_of(test));
  repeats_.emplace(test, worker);
}

void TestPool::end_repeat(Worker worker, std::size_t test) {
  const auto repeat = repeats_.find(test);
  if (repeat == repeats_.end() || repeat->second != worker) return;
  limits_.release(worker, needs_of(test));
  repeats_.erase(repeat);
}

void TestPool::finished(Worker worker, std::size_t test) {
  if (!ticket(worker, test)) return end_repeat(worker, test);
  if (limits_.any()) limits_.release(worker, needs_of(test));
  tests_[test].state = State::kFinished;
  ++finished_;
  UnitEntry& unit = units_[tests_[test].unit];
  while (unit.begin < unit.end && tests_[members_[unit.begin]].state == State::kFinished)
    ++unit.begin;
  if (one_at_a_time_ && unit.begin < unit.end) waiting_.put_back(tests_[test].unit);
}

std::optional<TestPool::Ticket> TestPool::ticket(Worker worker, std::size_t test) const {
  const TestEntry& entry = tests_[test];
  if (entry.state != State::kTaken || entry.worker != worker) return std::nullopt;
  return entry.ticket;
}

}  // namespace subunit::schedule
