#include "common/schedule/unit_choice.h"

#include <algorithm>

namespace subunit::schedule {
namespace {

// The part of the time left that a new worker spends on short tests, to show its speed.
constexpr double kProbing = 0.005;
// How many times that is still better than not to know it.
constexpr double kDearProbing = 8;
// Units looked at, for each worker, to find one that a slow worker should run.
constexpr std::size_t kMaxLook = 16;

}  // namespace

bool UnitChoice::in_given_order() const {
  return keep_order_ || !pool_.informed() || fleet_.slots() < 2;
}

bool UnitChoice::probing(const Server& server) const {
  return !in_given_order() && fleet_.speed_unknown(server);
}

Seconds UnitChoice::probing_time(Time now) const {
  const Seconds longest = pool_.waiting_work(pool_.waiting().first());
  return std::max(fleet_.level(pool_.waiting_work(), now), longest) * kProbing;
}

bool UnitChoice::any(const Server& server) const {
  return !pool_.waiting().empty() && (!limits_.any() || candidates_.any(server.id));
}

std::optional<UnitChoice::Unit> UnitChoice::choose(const Server& server, Seconds enough, Busy busy,
                                                   Time now) {
  return limits_.any() ? choose_within_limits(server, enough, busy, now)
                       : choose_of_all(server, enough, now);
}

std::optional<UnitChoice::Unit> UnitChoice::choose_of_all(const Server& server, Seconds enough,
                                                          Time now) const {
  const Unit longest = pool_.waiting().first();
  if (in_given_order()) return longest;
  if (probing(server)) {
    if (const auto unit = short_one(server, now)) return unit;
  }
  return ends_within(enough, longest, server, now) ? longest : ends_first_here(server, now);
}

std::optional<UnitChoice::Unit> UnitChoice::short_one(const Server& server, Time now) const {
  const Seconds budget = probing_time(now);
  const Seconds left = probing_left(server, budget, now);
  if (const auto unit = pool_.waiting().first_at_most((left / 2).count())) return unit;
  const Unit shortest = pool_.waiting().last();
  if (pool_.waiting_work(shortest) <= budget * kDearProbing) return shortest;
  return std::nullopt;
}

std::optional<UnitChoice::Unit> UnitChoice::ends_first_here(const Server& server, Time now) const {
  std::vector<Other> others = this->others(server, now);
  std::optional<Unit> found;
  std::size_t looks = 0;
  pool_.waiting().find([&](Unit unit) {
    if (ends_first(unit, server, others, now, [](Worker) { return true; })) found = unit;
    return found || ++looks == kMaxLook * (others.size() + 1);
  });
  return found;
}

// The same within limits.

void UnitChoice::weigh(const Server& server, Seconds level, Time now) {
  limits_.count_rests([&](Worker worker) { return fleet_.rest(fleet_.servers().at(worker), now); });
  candidates_.weigh(server.id, level, keep_order_);
}

std::optional<UnitChoice::Unit> UnitChoice::choose_within_limits(const Server& server,
                                                                 Seconds enough, Busy busy,
                                                                 Time now) {
  const auto first = candidates_.first(server.id, busy);
  if (!first) return std::nullopt;
  if (in_given_order()) return first->unit;
  // An exclusive test cannot wait until speeds are known: then other tests run there.
  if (probing(server) && first->rank < Candidates::Rank::kFirst) {
    if (const auto unit = short_candidate(server, busy, now)) return unit;
  }
  if (ends_within(enough, first->unit, server, now)) return first->unit;
  return candidate_that_ends_first_here(server, busy, now);
}

std::optional<UnitChoice::Unit> UnitChoice::short_candidate(const Server& server, Busy busy,
                                                            Time now) {
  const Seconds budget = probing_time(now);
  const Seconds left = probing_left(server, budget, now);
  const auto unit = candidates_.at_most((left / 2).count(), server.id, busy);
  return unit && pool_.waiting_work(*unit) <= budget * kDearProbing ? unit : std::nullopt;
}

/// Others count as far as the limits allow them the unit now. What only this worker can take, it
/// takes, however slow it is: it would wait otherwise, and the others may do so, too.
std::optional<UnitChoice::Unit> UnitChoice::candidate_that_ends_first_here(const Server& server,
                                                                           Busy busy, Time now) {
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
    if (ends_first(unit, server, others, now, may)) found = unit;
    return found || ++looks == kMaxLook * (others.size() + 1);
  });
  return found;
}

// Who would be done when.

bool UnitChoice::ends_within(Seconds enough, Unit unit, const Server& server, Time now) const {
  const Seconds rest = fleet_.rest(server, now);
  return rest + pool_.waiting_work(unit) * fleet_.slowness(server, now) <= enough;
}

/// Of `budget`, for short tests behind what it has.
Seconds UnitChoice::probing_left(const Server& server, Seconds budget, Time now) const {
  return std::max(budget - fleet_.rest(server, now), budget / 4);
}

std::vector<UnitChoice::Other> UnitChoice::others(const Server& server, Time now) const {
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
bool UnitChoice::ends_first(Unit unit, const Server& server, std::vector<Other>& others, Time now,
                            const May& may) const {
  const Seconds work = pool_.waiting_work(unit);
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

}  // namespace subunit::schedule
