#include "common/schedule/scheduler.h"

#include <algorithm>
#include <utility>

namespace subunit::schedule {
namespace {

using namespace std::chrono_literals;

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

}  // namespace

Scheduler::Scheduler(const std::vector<Test>& tests, Options options, Limits limits)
    : options_(options),
      limits_(std::move(limits)),
      limited_(limits_.any()),
      pool_(tests, options.one_at_a_time, limits_),
      fleet_(pool_.informed()),
      candidates_(pool_.waiting(), limits_) {}

// What happens.

Scheduler::Worker Scheduler::add(Place place, Time) {
  const bool one_before = in_given_order();
  const Worker worker = fleet_.add(place.slot);
  pool_.add(worker, place.channel);
  if (one_before && !in_given_order()) pool_.sort();
  return worker;
}

void Scheduler::remove(Worker worker, Time) {
  pool_.remove(worker, fleet_.at(worker).load);
  fleet_.remove(worker);
}

void Scheduler::started(Worker worker, std::size_t test, Time now) {
  if (const auto ticket = pool_.ticket(worker, test))
    fleet_.started(fleet_.at(worker), *ticket, now);
}

void Scheduler::finished(Worker worker, std::size_t test, Time now) {
  if (const auto ticket = pool_.ticket(worker, test))
    fleet_.finished(fleet_.at(worker), *ticket, now);
  pool_.finished(worker, test);
}

void Scheduler::cut_short(Worker worker, std::size_t test, Time now) {
  if (const auto ticket = pool_.ticket(worker, test))
    fleet_.at(worker).load.stop_measuring(*ticket);
  finished(worker, test, now);
}

void Scheduler::measured_round_trip(Worker worker, Time round_trip) {
  fleet_.at(worker).slot->round_trip.learn(round_trip);
}

void Scheduler::prefers_batches(Worker worker, std::size_t tests) {
  fleet_.at(worker).batch = tests;
}

// What to do.

bool Scheduler::in_given_order() const {
  return options_.keep_order || !pool_.informed() || fleet_.slots() < 2;
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
  if (in_given_order() || pool_.waiting().empty()) return Seconds::max();
  const Seconds longest = pool_.waiting_work(pool_.waiting().first());
  return std::max(fleet_.level(pool_.waiting_work(), now) - longest, Seconds(0));
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
      if (limited_) weigh(worker, fleet_.level(pool_.waiting_work(), now), now);
      if (const auto unit = choose(server, Seconds(0), now)) send(*unit, server, now, batch);
    }
    server.ask_again = when_to_ask(server, Seconds(0), now);
  } else if (!wants_more(server, horizon, now)) {
    server.ask_again = when_to_ask(server, horizon, now);
  } else {
    const Portion portion = this->portion(server, now);
    if (limited_) weigh(worker, portion.level, now);
    fill(server, portion, now, batch);
    server.ask_again = when_to_ask(server, portion.hungry_below, now);
  }
  return batch;
}

void Scheduler::fill(Server& server, const Portion& portion, Time now, Batch& batch) {
  Seconds enough = portion.hungry_below;
  const auto wants_a_batch = [&] {
    return !nothing_for(server) && !batch.empty() && batch.size() < server.batch &&
           fleet_.rest(server, now) < portion.at_most;
  };
  while (batch.size() < kMaxBatch && (wants_more(server, enough, now) || wants_a_batch())) {
    enough = portion.fill_to;
    const auto unit = choose(server, enough, now);
    if (!unit) return;
    send(*unit, server, now, batch);
  }
}

Scheduler::Portion Scheduler::portion(const Server& server, Time now) const {
  const Seconds horizon = horizon_of(server, now);
  const Seconds level = fleet_.level(pool_.waiting_work(), now);
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
  return pool_.waiting().empty() || (limited_ && !candidates_.any(server.id));
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
         pool_.waiting().size() > kPlenty * fleet_.servers().size();
}

Seconds Scheduler::probing_time(Time now) const {
  const Seconds longest = pool_.waiting_work(pool_.waiting().first());
  return std::max(fleet_.level(pool_.waiting_work(), now), longest) * kProbing;
}

std::optional<Scheduler::Unit> Scheduler::choose(const Server& server, Seconds enough, Time now) {
  if (limited_) return choose_within_limits(server, enough, now);
  if (in_given_order()) return pool_.waiting().first();
  if (probing(server)) {
    if (const auto unit = short_one(server, now)) return unit;
  }
  const Unit longest = pool_.waiting().first();
  const Seconds rest = fleet_.rest(server, now);
  if (rest + pool_.waiting_work(longest) * fleet_.slowness(server, now) <= enough) return longest;
  return ends_first_here(server, now);
}

std::optional<Scheduler::Unit> Scheduler::short_one(const Server& server, Time now) const {
  const Seconds budget = probing_time(now);
  const Seconds left = std::max(budget - fleet_.rest(server, now), budget / 4);
  if (const auto unit = pool_.waiting().first_at_most((left / 2).count())) return unit;
  const Unit shortest = pool_.waiting().last();
  if (pool_.waiting_work(shortest) <= budget * kDearProbing) return shortest;
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
  pool_.waiting().find([&](Unit unit) {
    if (ends_first(pool_.waiting_work(unit), server, others, now, [](Worker) { return true; }))
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
  if (rest + pool_.waiting_work(first->unit) * fleet_.slowness(server, now) <= enough)
    return first->unit;
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
  return unit && pool_.waiting_work(*unit) <= budget * kDearProbing ? unit : std::nullopt;
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
      return limits_.allows(other, pool_.needs(unit)) &&
             (!stays_here || limits_.same_channel(server.id, other));
    };
    if (ends_first(pool_.waiting_work(unit), server, others, now, may)) found = unit;
    return found || ++looks == kMaxLook * (others.size() + 1);
  });
  return found;
}

void Scheduler::send(Unit unit, Server& server, Time now, Batch& batch) {
  const std::size_t before = batch.size();
  pool_.take(unit, server.id, batch);
  for (std::size_t i = before; i < batch.size(); ++i) {
    const std::size_t test = batch[i];
    server.load.sent(*pool_.ticket(server.id, test), {test, pool_.work(test)}, now);
  }
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
  return pool_.waiting().empty() ? std::nullopt : deadline;
}

std::optional<Time> Scheduler::time_left(Time now) const {
  if ((!pool_.informed() && !fleet_.experienced()) || fleet_.servers().empty()) return std::nullopt;
  Seconds left = fleet_.level(pool_.waiting_work(), now);
  for (const auto& [worker, server] : fleet_.servers())
    left = std::max(left, fleet_.rest(server, now));
  return to_time(left);
}

}  // namespace subunit::schedule
