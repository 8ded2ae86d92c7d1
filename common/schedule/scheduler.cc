#include "common/schedule/scheduler.h"

#include <algorithm>
#include <limits>
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
      pool_(tests, options.one_at_a_time, limits_),
      fleet_(pool_.informed()),
      choice_(pool_, fleet_, limits_, options.keep_order) {}

// What happens.

Scheduler::Worker Scheduler::add(Place place, Time) {
  const bool one_before = choice_.in_given_order();
  const Worker worker = fleet_.add(place.slot);
  pool_.add(worker, place.channel);
  if (one_before && !choice_.in_given_order()) pool_.sort();
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
  if (choice_.in_given_order() || pool_.waiting().empty()) return Seconds::max();
  const Seconds longest = pool_.waiting_work(pool_.waiting().first());
  return std::max(fleet_.level(pool_.waiting_work(), now) - longest, Seconds(0));
}

Scheduler::Batch Scheduler::next(Worker worker, Time now) {
  Server& server = fleet_.at(worker);
  const Seconds horizon = horizon_of(server, now);
  Batch batch;
  if (options_.one_at_a_time) {
    if (wants_more(server, Seconds(0), now)) {
      if (limits_.any()) choice_.weigh(server, fleet_.level(pool_.waiting_work(), now), now);
      if (const auto unit = choose(server, Seconds(0), now)) send(*unit, server, now, batch);
    }
    server.ask_again = when_to_ask(server, Seconds(0), now);
  } else if (!wants_more(server, horizon, now)) {
    server.ask_again = when_to_ask(server, horizon, now);
  } else {
    const Portion portion = this->portion(server, now);
    if (limits_.any()) choice_.weigh(server, portion.level, now);
    fill(server, portion, now, batch);
    server.ask_again = when_to_ask(server, portion.hungry_below, now);
  }
  return batch;
}

void Scheduler::fill(Server& server, const Portion& portion, Time now, Batch& batch) {
  Seconds enough = portion.hungry_below;
  const auto wants_a_batch = [&] {
    return choice_.any(server) && !batch.empty() && batch.size() < server.batch &&
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
  if (choice_.probing(server) && !waits) full = std::max(full, choice_.probing_time(now));
  return {.level = level,
          .hungry_below = std::min(horizon, level),
          .fill_to = std::min(full, share),
          .at_most = level / 2};
}

bool Scheduler::wants_more(const Server& server, Seconds enough, Time now) const {
  if (!choice_.any(server)) return false;
  if (server.load.idle()) return true;
  if (options_.one_at_a_time) return false;
  return fleet_.least_rest(server, now) < enough && ahead_pays(server, now);
}

bool Scheduler::ahead_pays(const Server& server, Time now) const {
  const Seconds horizon = horizon_of(server, now);
  if (fleet_.servers().size() == 1 || choice_.probing(server)) return true;
  if (fleet_.doubt(server, now) <= horizon) return true;
  return fleet_.current(server, now) <= horizon * kNegligible &&
         pool_.waiting().size() > kPlenty * fleet_.servers().size();
}

std::optional<TestPool::Unit> Scheduler::choose(const Server& server, Seconds enough, Time now) {
  return choice_.choose(server, enough, business_of(server, enough, now), now);
}

/// A slot that is held while the worker does something else is lost for so long. That is less than
/// if it waited until the worker is idle, and then for a message, if it is known well when that is.
/// (Without limits there is nothing to hold.)
Candidates::Busy Scheduler::business_of(const Server& server, Seconds enough, Time now) const {
  if (!limits_.any() || server.load.idle()) return Candidates::Busy::kIdle;
  const bool ends_soon = fleet_.least_rest(server, now) < enough;
  const bool is_known = fleet_.doubt(server, now) <= horizon_of(server, now);
  return ends_soon && is_known ? Candidates::Busy::kBriefly : Candidates::Busy::kLong;
}

void Scheduler::send(TestPool::Unit unit, Server& server, Time now, Batch& batch) {
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
  if (!choice_.any(server) || options_.one_at_a_time || !server.load.running()) return std::nullopt;
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

/// At least: as if all workers ended at the same time, or with the longest that one of them has, or
/// with what needs the resource that is shortest.
std::optional<Time> Scheduler::time_left(Time now) const {
  if ((!pool_.informed() && !fleet_.experienced()) || fleet_.servers().empty()) return std::nullopt;
  const auto rest_of = [&](Worker worker) { return fleet_.rest(fleet_.servers().at(worker), now); };
  Seconds left = fleet_.level(pool_.waiting_work() + limits_.idle_work(), now);
  double fastest = std::numeric_limits<double>::max();
  for (const auto& [worker, server] : fleet_.servers()) {
    left = std::max(left, rest_of(worker));
    fastest = std::min(fastest, fleet_.slowness(server, now));
  }
  return to_time(std::max(left, limits_.least_time(fastest, rest_of)));
}

}  // namespace subunit::schedule
