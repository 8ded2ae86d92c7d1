#include "common/schedule/scheduler.h"

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

// To arrive before a worker is idle, a message leaves a round trip before, and a little more: a
// part of the round trip for what varies in it, and what it takes to wake processes up.
constexpr double kSlack = 1.25;
constexpr Seconds kWakeUp = 1ms;
// Work in one message, if tests are short: writing and reading it costs a hundredth of that.
constexpr Seconds kWorthAMessage = 10ms;
// After a test this many times as long as the round trip, idleness for one is not worth a guess.
constexpr double kNegligible = 100;
// Units that wait, for each worker, above which there is enough for all: a wrong guess is harmless.
constexpr std::size_t kPlenty = 4;

// The part of the time left that a new worker spends on short tests, to show its speed.
constexpr double kProbing = 0.005;
// How many times that is still better than not to know it.
constexpr double kDearProbing = 8;
// Units looked at, for each worker, to find one that a slow worker should run.
constexpr std::size_t kMaxLook = 16;
// Where a round trip takes longer than this, tests are sent ahead even if they may have to be
// withdrawn. (What is measured first is the answer to Hello, which may come much later than others,
// since a server has to start; so that does not count here.)
constexpr Seconds kDearRoundTrip = 50ms;
// A worker that got nothing asks again after this fraction of the time it has waited.
constexpr int kAskAgainFraction = 8;
constexpr Time kMinAskAgain = 1ms;

Time to_time(Seconds seconds) {
  return std::chrono::duration_cast<Time>(std::clamp<Seconds>(seconds, 0s, 24h * 365));
}

/// Of the tests that are known; nothing if none is.
std::optional<Seconds> mean_of(const std::vector<Scheduler::Test>& tests) {
  Seconds sum(0);
  std::size_t known = 0;
  for (const Scheduler::Test& test : tests) {
    if (!test.expected) continue;
    sum += *test.expected;
    ++known;
  }
  if (known == 0) return std::nullopt;
  return sum / static_cast<double>(known);
}

std::size_t count_units(const std::vector<Scheduler::Test>& tests) {
  std::vector<std::size_t> units;
  units.reserve(tests.size());
  for (const Scheduler::Test& test : tests) units.push_back(test.unit);
  std::sort(units.begin(), units.end());
  return static_cast<std::size_t>(std::unique(units.begin(), units.end()) - units.begin());
}

}  // namespace

Scheduler::Scheduler(const std::vector<Test>& tests, Options options, Limits limits)
    : options_(options),
      waiting_(count_units(tests)),
      waiting_tests_(tests.size()),
      informed_(mean_of(tests).has_value()),
      fleet_(informed_),
      limits_(std::move(limits)),
      limited_(limits_.any()),
      candidates_(waiting_, limits_) {
  form_units(tests);
  if (limited_) set_kinds();
}

void Scheduler::form_units(const std::vector<Test>& tests) {
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
    if (limited_) units_[unit].needs = limits_.both(units_[unit].needs, test.needs);
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

void Scheduler::set_kinds() {
  std::vector<WaitingUnits::Kind> kinds;
  kinds.reserve(units_.size());
  for (const UnitEntry& unit : units_) {
    kinds.push_back(unit.needs);
    limits_.waits(unit.needs, unit.work);
  }
  waiting_.set_kinds(std::move(kinds), limits_.sets());
}

// What happens.

Scheduler::Worker Scheduler::add(Place place, Time) {
  const bool one_before = in_given_order();
  const Worker worker = fleet_.add(place.slot);
  if (limited_) limits_.add(worker, place.channel);
  if (one_before && !in_given_order()) {
    std::vector<double> weights;
    weights.reserve(units_.size());
    for (const UnitEntry& unit : units_) weights.push_back(unit.weight.count());
    waiting_.sort(std::move(weights));
  }
  return worker;
}

void Scheduler::remove(Worker worker, Time) {
  for (const auto& [ticket, held] : fleet_.at(worker).load.held()) put_back(held.test);
  fleet_.remove(worker);
  if (!limited_) return;
  limits_.remove(worker);
  std::erase_if(repeats_, [worker](const auto& repeat) { return repeat.second == worker; });
}

void Scheduler::put_back(std::size_t test) {
  TestEntry& entry = tests_[test];
  entry.state = State::kWaiting;
  units_[entry.unit].work += entry.work;
  waiting_work_ += entry.work;
  if (limited_) limits_.waits(needs_of(test), entry.work);
  ++waiting_tests_;
  waiting_.put_back(entry.unit);
}

bool Scheduler::has(Worker worker, std::size_t test) const {
  return tests_[test].state == State::kSent && tests_[test].worker == worker;
}

void Scheduler::started(Worker worker, std::size_t test, Time now) {
  if (has(worker, test)) fleet_.started(fleet_.at(worker), tests_[test].ticket, now);
}

void Scheduler::finished(Worker worker, std::size_t test, Time now) {
  if (!has(worker, test)) return end_repeat(worker, test);
  fleet_.finished(fleet_.at(worker), tests_[test].ticket, now);
  if (limited_) limits_.release(worker, needs_of(test));
  tests_[test].state = State::kFinished;
  ++finished_;
  UnitEntry& unit = units_[tests_[test].unit];
  while (unit.begin < unit.end && tests_[members_[unit.begin]].state == State::kFinished)
    ++unit.begin;
  if (options_.one_at_a_time && unit.begin < unit.end) waiting_.put_back(tests_[test].unit);
}

void Scheduler::cut_short(Worker worker, std::size_t test, Time now) {
  if (has(worker, test)) fleet_.at(worker).load.stop_measuring(tests_[test].ticket);
  finished(worker, test, now);
}

bool Scheduler::may_repeat(Worker worker, std::size_t test) const {
  return !limited_ || limits_.allows(worker, needs_of(test));
}

void Scheduler::repeat(Worker worker, std::size_t test) {
  if (!limited_) return;
  limits_.hold(worker, needs_of(test));
  repeats_.emplace(test, worker);
}

void Scheduler::end_repeat(Worker worker, std::size_t test) {
  const auto repeat = repeats_.find(test);
  if (repeat == repeats_.end() || repeat->second != worker) return;
  limits_.release(worker, needs_of(test));
  repeats_.erase(repeat);
}

void Scheduler::measured_round_trip(Worker worker, Time round_trip) {
  fleet_.at(worker).slot->round_trip.learn(round_trip);
}

void Scheduler::prefers_batches(Worker worker, std::size_t tests) {
  fleet_.at(worker).batch = tests;
}

// What to do.

bool Scheduler::in_given_order() const {
  return options_.keep_order || !informed_ || fleet_.slots() < 2;
}

/// A worker that has less than this needs more now.
Seconds Scheduler::horizon_of(const Server& server, Time now) const {
  const auto round_trip = server.slot->round_trip.value();
  const bool is_quick = !server.slot->has_begun || !round_trip || *round_trip <= kDearRoundTrip;
  const bool waits = options_.withdrawable && is_quick;
  if (waits || !round_trip) return Seconds(0);
  const Seconds horizon = *round_trip * kSlack + kWakeUp;
  return server.slot->has_begun ? horizon : std::min(horizon, delay_allowed(now));
}

/// By how much the longest test that waits can begin later, and all is still done as early. Until a
/// server has begun a test, its round trip may be the time that it took to start: what is sent
/// ahead for that may be as much as it takes without a need, but no more.
Seconds Scheduler::delay_allowed(Time now) const {
  if (in_given_order() || waiting_.empty()) return Seconds::max();
  const Seconds longest = units_[waiting_.first()].work;
  return std::max(fleet_.level(waiting_work_, now) - longest, Seconds(0));
}

bool Scheduler::probing(const Server& server) const {
  return !in_given_order() && fleet_.speed_unknown(server);
}

Scheduler::Batch Scheduler::next(Worker worker, Time now) {
  Server& server = fleet_.at(worker);
  const Seconds horizon = horizon_of(server, now);
  Batch batch;
  if (options_.one_at_a_time) {
    if (wants_more(server, Seconds(0), now)) {
      if (limited_) weigh(worker, fleet_.level(waiting_work_, now), now);
      send_first_test(worker, server, now, batch);
    }
    server.ask_again = when_to_ask(server, Seconds(0), now);
  } else if (!wants_more(server, horizon, now)) {
    server.ask_again = when_to_ask(server, horizon, now);
  } else {
    const Portion portion = this->portion(server, now);
    if (limited_) weigh(worker, portion.level, now);
    fill(worker, server, portion, now, batch);
    server.ask_again = when_to_ask(server, portion.hungry_below, now);
  }
  return batch;
}

void Scheduler::fill(Worker worker, Server& server, const Portion& portion, Time now,
                     Batch& batch) {
  Seconds enough = portion.hungry_below;
  const auto wants_a_batch = [&] {
    return !nothing_for(server) && !batch.empty() && batch.size() < server.batch &&
           fleet_.rest(server, now) < portion.at_most;
  };
  while (batch.size() < kMaxBatch && (wants_more(server, enough, now) || wants_a_batch())) {
    enough = portion.fill_to;
    const auto unit = choose(server, enough, now);
    if (!unit) return;
    send(worker, server, *unit, now, batch);
  }
}

Scheduler::Portion Scheduler::portion(const Server& server, Time now) const {
  const Seconds horizon = horizon_of(server, now);
  const Seconds level = fleet_.level(waiting_work_, now);
  // Half of an even share leaves the rest to whoever is done first. What is less than two round
  // trips is not worth another message.
  const Seconds share = std::max(level / 2, std::min(level, horizon * 2));
  const bool waits = options_.withdrawable && horizon == Seconds(0);
  Seconds full = waits ? Seconds(0) : horizon + std::max(horizon / 2, kWorthAMessage);
  if (probing(server) && !waits) full = std::max(full, probing_time(now));
  return {.level = level,
          .hungry_below = std::min(horizon, level),
          .fill_to = std::min(full, share),
          .at_most = level / 2};
}

/// Nothing waits that the limits allow it.
bool Scheduler::nothing_for(const Server& server) const {
  return waiting_.empty() || (limited_ && !candidates_.any(server.id));
}

bool Scheduler::wants_more(const Server& server, Seconds enough, Time now) const {
  if (nothing_for(server)) return false;
  if (server.load.idle()) return true;
  if (options_.one_at_a_time) return false;
  return fleet_.least_rest(server, now) < enough && ahead_pays(server, now);
}

bool Scheduler::ahead_pays(const Server& server, Time now) const {
  const Seconds horizon = horizon_of(server, now);
  if (fleet_.servers().size() == 1 || probing(server)) return true;
  if (fleet_.doubt(server, now) <= horizon) return true;
  return fleet_.current(server, now) <= horizon * kNegligible &&
         waiting_.size() > kPlenty * fleet_.servers().size();
}

Seconds Scheduler::probing_time(Time now) const {
  const Seconds longest = units_[waiting_.first()].work;
  return std::max(fleet_.level(waiting_work_, now), longest) * kProbing;
}

std::optional<Scheduler::Unit> Scheduler::choose(const Server& server, Seconds enough, Time now) {
  if (limited_) return choose_within_limits(server, enough, now);
  if (in_given_order()) return waiting_.first();
  if (probing(server)) {
    if (const auto unit = short_one(server, now)) return unit;
  }
  const Unit longest = waiting_.first();
  const Seconds rest = fleet_.rest(server, now);
  if (rest + units_[longest].work * fleet_.slowness(server, now) <= enough) return longest;
  return ends_first_here(server, now);
}

std::optional<Scheduler::Unit> Scheduler::short_one(const Server& server, Time now) const {
  const Seconds budget = probing_time(now);
  const Seconds left = std::max(budget - fleet_.rest(server, now), budget / 4);
  if (const auto unit = waiting_.first_at_most((left / 2).count())) return unit;
  const Unit shortest = waiting_.last();
  if (units_[shortest].work <= budget * kDearProbing) return shortest;
  return std::nullopt;
}

std::vector<Scheduler::Other> Scheduler::others(const Server& server, Time now) const {
  std::vector<Other> others;
  others.reserve(fleet_.servers().size());
  for (const auto& [worker, other] : fleet_.servers()) {
    if (&other != &server)
      others.push_back({worker, fleet_.rest(other, now), fleet_.slowness(other, now)});
  }
  return others;
}

/// Whoever has it done first is taken to have it then. True: that is this server.
template <typename May>
bool Scheduler::ends_first(Seconds work, const Server& server, std::vector<Other>& others, Time now,
                           const May& may) const {
  Seconds end = fleet_.rest(server, now) + work * fleet_.slowness(server, now);
  Other* first = nullptr;
  for (Other& other : others) {
    const Seconds there = other.rest + work * other.slowness;
    if (there >= end || !may(other.worker)) continue;
    end = there;
    first = &other;
  }
  if (first) first->rest = end;
  return !first;
}

std::optional<Scheduler::Unit> Scheduler::ends_first_here(const Server& server, Time now) const {
  std::vector<Other> others = this->others(server, now);
  std::optional<Unit> found;
  std::size_t looks = 0;
  waiting_.find([&](Unit unit) {
    if (ends_first(units_[unit].work, server, others, now, [](Worker) { return true; }))
      found = unit;
    return found || ++looks == kMaxLook * (others.size() + 1);
  });
  return found;
}

// The same within limits.

void Scheduler::weigh(Worker worker, Seconds level, Time now) {
  limits_.count_rests([&](Worker other) { return fleet_.rest(fleet_.at(other), now); });
  candidates_.weigh(worker, level, options_.keep_order);
}

std::optional<Scheduler::Unit> Scheduler::choose_within_limits(const Server& server, Seconds enough,
                                                               Time now) {
  const Candidates::Busy busy = business_of(server, enough, now);
  const auto first = candidates_.first(server.id, busy);
  if (!first) return std::nullopt;
  if (in_given_order()) return first->unit;
  // An exclusive test cannot wait until speeds are known: then other tests run there.
  if (probing(server) && first->rank < Candidates::Rank::kFirst) {
    if (const auto unit = short_candidate(server, busy, now)) return unit;
  }
  const Seconds rest = fleet_.rest(server, now);
  if (rest + units_[first->unit].work * fleet_.slowness(server, now) <= enough) return first->unit;
  return candidate_that_ends_first_here(server, busy, now);
}

/// A slot that is held while the worker does something else is lost for so long. That is less than
/// if it waited until the worker is idle, and then for a message, if it is known well when that is.
Candidates::Busy Scheduler::business_of(const Server& server, Seconds enough, Time now) const {
  if (server.load.idle()) return Candidates::Busy::kIdle;
  const bool ends_soon = fleet_.least_rest(server, now) < enough;
  const bool is_known = fleet_.doubt(server, now) <= horizon_of(server, now);
  return ends_soon && is_known ? Candidates::Busy::kBriefly : Candidates::Busy::kLong;
}

std::optional<Scheduler::Unit> Scheduler::short_candidate(const Server& server,
                                                          Candidates::Busy busy, Time now) {
  const Seconds budget = probing_time(now);
  const Seconds left = std::max(budget - fleet_.rest(server, now), budget / 4);
  const auto unit = candidates_.at_most((left / 2).count(), server.id, busy);
  return unit && units_[*unit].work <= budget * kDearProbing ? unit : std::nullopt;
}

/// Others count as far as the limits allow them the unit now. What only this worker can take, it
/// takes, however slow it is: it would wait otherwise, and the others may do so, too.
std::optional<Scheduler::Unit> Scheduler::candidate_that_ends_first_here(const Server& server,
                                                                         Candidates::Busy busy,
                                                                         Time now) {
  std::vector<Other> others = this->others(server, now);
  std::optional<Unit> found;
  std::size_t looks = 0;
  candidates_.find(server.id, busy, [&](Unit unit, Candidates::Rank rank) {
    // Work that comes to an end elsewhere is no reason to keep a whole channel waiting.
    const bool stays_here = rank >= Candidates::Rank::kFirst;
    const auto may = [&](Worker other) {
      return limits_.allows(other, units_[unit].needs) &&
             (!stays_here || limits_.same_channel(server.id, other));
    };
    if (ends_first(units_[unit].work, server, others, now, may)) found = unit;
    return found || ++looks == kMaxLook * (others.size() + 1);
  });
  return found;
}

void Scheduler::send(Worker worker, Server& server, Unit unit, Time now, Batch& batch) {
  waiting_.take(unit);
  for (std::size_t i = units_[unit].begin; i < units_[unit].end; ++i)
    send_test(worker, server, members_[i], now, batch);
}

void Scheduler::send_first_test(Worker worker, Server& server, Time now, Batch& batch) {
  const auto unit = choose(server, Seconds(0), now);
  if (!unit) return;
  waiting_.take(*unit);
  send_test(worker, server, members_[units_[*unit].begin], now, batch);
}

void Scheduler::send_test(Worker worker, Server& server, std::size_t test, Time now, Batch& batch) {
  TestEntry& entry = tests_[test];
  if (entry.state != State::kWaiting) return;
  entry.state = State::kSent;
  entry.worker = worker;
  entry.ticket = next_ticket_++;
  units_[entry.unit].work -= entry.work;
  waiting_work_ -= entry.work;
  if (limited_) {
    limits_.waits(needs_of(test), -entry.work);
    limits_.hold(worker, needs_of(test));
  }
  --waiting_tests_;
  server.load.sent(entry.ticket, {test, entry.work}, now);
  batch.push_back(test);
}

std::optional<Time> Scheduler::when_to_ask(const Server& server, Seconds hungry_below,
                                           Time now) const {
  if (wants_more(server, hungry_below, now))  // it got nothing, or little: others will be faster
    return now + std::max((now - server.load.last_event()) / kAskAgainFraction, kMinAskAgain);
  // Before anything runs, and with too much behind what runs, time alone changes nothing.
  if (nothing_for(server) || options_.one_at_a_time || !server.load.running()) return std::nullopt;
  if (!ahead_pays(server, now) || fleet_.behind(server, now) >= hungry_below) return std::nullopt;
  return now + to_time(fleet_.least_rest(server, now) - hungry_below) + Time(1);
}

std::optional<Time> Scheduler::next_deadline() const {
  std::optional<Time> deadline;
  for (const auto& [worker, server] : fleet_.servers()) {
    if (server.ask_again && (!deadline || *server.ask_again < *deadline))
      deadline = server.ask_again;
  }
  return waiting_.empty() ? std::nullopt : deadline;
}

std::optional<Time> Scheduler::time_left(Time now) const {
  if ((!informed_ && !fleet_.experienced()) || fleet_.servers().empty()) return std::nullopt;
  Seconds left = fleet_.level(waiting_work_, now);
  for (const auto& [worker, server] : fleet_.servers())
    left = std::max(left, fleet_.rest(server, now));
  return to_time(left);
}

}  // namespace subunit::schedule
