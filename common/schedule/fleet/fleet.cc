#include "common/schedule/fleet/fleet.h"

#include <algorithm>

namespace subunit::schedule {
namespace {

// Tests of which a slot, and the whole run, remember most.
constexpr double kSlotMemory = 16;
constexpr double kRunMemory = 64;

// Until predictions were compared with what happened: of a usual history, and without one.
constexpr double kUsualError = 0.3;
constexpr double kNoIdea = 1;

// How much longer a test that is overdue will take, as a fraction of the time it has taken.
constexpr double kOverdue = 1 / 8.;

}  // namespace

Fleet::Fleet(bool informed)
    : informed_(informed), general_(kRunMemory), error_(informed ? kUsualError : kNoIdea) {}

Fleet::Worker Fleet::add(std::size_t slot) {
  Slot& place = slots_.try_emplace(slot, Slot{Slowness(kSlotMemory), {}}).first->second;
  servers_.emplace_hint(servers_.end(), next_worker_, Server{next_worker_, &place, {}});
  return next_worker_++;
}

void Fleet::started(Server& server, WorkerLoad::Ticket ticket, Time now) {
  const auto round_trip = server.load.started(ticket, now);
  if (!round_trip) return;
  server.slot->round_trip.learn(*round_trip);
  server.slot->has_begun = true;
}

void Fleet::finished(Server& server, WorkerLoad::Ticket ticket, Time now) {
  const Seconds work = server.load.held().at(ticket).work;
  const bool predictable = !speed_unknown(server);
  const Seconds predicted = work * slowness(server, now);
  const auto took = server.load.finished(ticket, now);
  if (!took) return;
  if (predictable) error_.learn(predicted, *took);
  general_.learn(work, *took);
  server.slot->slowness.learn(work, *took);
}

double Fleet::slowness(const Server& server, Time now) const {
  const double general = general_.plain_factor(1);
  if (!informed_) return general;
  if (!speed_unknown(server)) return server.slot->slowness.factor(general);
  // Even a test that has not ended tells something.
  const Seconds current = server.load.current();
  if (current <= Seconds(0)) return general;
  return std::max(general, server.load.elapsed(now) / current);
}

Seconds Fleet::rest(const Server& server, Time now) const {
  const WorkerLoad& load = server.load;
  if (load.idle()) return Seconds(0);
  const double slow = slowness(server, now);
  const Seconds elapsed = load.elapsed(now);
  return std::max(load.current() * slow - elapsed, elapsed * kOverdue) + load.behind() * slow;
}

Seconds Fleet::least_rest(const Server& server, Time now) const {
  const WorkerLoad& load = server.load;
  if (load.idle()) return Seconds(0);
  const double slow = slowness(server, now);
  const Seconds least = load.current() * slow * (1 - error_.fraction());
  return std::max(least - load.elapsed(now), Seconds(0)) + load.behind() * slow;
}

Seconds Fleet::doubt(const Server& server, Time now) const {
  const Seconds predicted = current(server, now);
  return std::max(predicted * error_.fraction(), server.load.elapsed(now) - predicted);
}

Seconds Fleet::level(Seconds waiting, Time now) const {
  double speed = 0;
  for (const auto& [worker, server] : servers_) {
    const double slow = slowness(server, now);
    waiting += rest(server, now) / slow;
    speed += 1 / slow;
  }
  return speed > 0 ? waiting / speed : Seconds(0);
}

}  // namespace subunit::schedule
