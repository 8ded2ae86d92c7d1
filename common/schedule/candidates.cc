#include "common/schedule/candidates.h"

#include <algorithm>

namespace subunit::schedule {
namespace {

// A resource is short if what waits for it takes at least this part of the time that is left:
// later there would be no slack for tests that do not fit side by side.
constexpr double kUrgentPart = 0.65;
// The part of the time left that other channels can spend on exclusive tests.
constexpr double kRoom = 0.9;

}  // namespace

void Candidates::weigh(Limits::Worker worker, Seconds level, bool keep_order) {
  weights_.assign(waiting_.kinds(), {});
  if (keep_order) return;
  const auto workers = static_cast<double>(limits_.workers());
  const auto channels = static_cast<double>(limits_.channels());
  // While an exclusive test runs, the others of its channel wait.
  level += limits_.exclusive_work(Limits::Scope::kRun) * (workers - 1) / workers +
           limits_.exclusive_work(Limits::Scope::kChannel) * (1 / channels - 1 / workers);
  for (Kind kind = 1; kind < waiting_.kinds(); ++kind)
    if (!waiting_.places(kind).empty()) weights_[kind] = weight_of(kind, worker, level);
  reserve(worker);
}

/// What needs two resources would not get both while tests that need one of them take turns.
void Candidates::reserve(Limits::Worker worker) {
  std::optional<Kind> blocked;
  for (Kind kind = 1; kind < waiting_.kinds(); ++kind) {
    if (waiting_.places(kind).empty() || weights_[kind].rank != Rank::kUrgent) continue;
    if (blocked && weights_[kind].shortage <= weights_[*blocked].shortage) continue;
    if (!limits_.allows(worker, kind)) blocked = kind;
  }
  if (!blocked || limits_.resources(*blocked) < 2) return;
  for (Kind kind = 1; kind < waiting_.kinds(); ++kind) {
    const bool is_less = weights_[kind].shortage < weights_[*blocked].shortage;
    if (is_less && !limits_.exclusive(kind) && limits_.share(kind, *blocked))
      weights_[kind].rank = Rank::kLeft;
  }
}

Candidates::Weight Candidates::weight_of(Kind kind, Limits::Worker worker, Seconds level) const {
  const auto exclusive = limits_.exclusive(kind);
  if (exclusive == Limits::Scope::kRun) return {.rank = Rank::kAlone};
  if (exclusive == Limits::Scope::kChannel) return {.rank = exclusive_rank(worker, level)};
  const Seconds shortage = limits_.shortage(kind);
  if (shortage == Seconds(0)) return {};
  const Seconds longest(waiting_.weight_at(*waiting_.places(kind).begin()));
  const Seconds least = std::max(shortage, longest);
  return {.rank = least >= level * kUrgentPart ? Rank::kUrgent : Rank::kUsual, .shortage = least};
}

Candidates::Rank Candidates::exclusive_rank(Limits::Worker worker, Seconds level) const {
  if (limits_.channels() == 1) return Rank::kFirst;
  const Seconds work = limits_.exclusive_work(Limits::Scope::kChannel);
  const auto singles = static_cast<double>(limits_.single_channels());
  if (limits_.neighbours(worker) == 1)
    return work / singles >= level * kUrgentPart ? Rank::kUrgent : Rank::kUsual;
  if (singles > 0 && work <= level * singles * kRoom) return Rank::kLeft;
  // Nothing can make up for a late start of the longest test, or of what is short. Another channel
  // takes these.
  const Seconds each = work / static_cast<double>(limits_.channels());
  const auto dry = static_cast<double>(limits_.other_dry_channels(worker));
  if (longest_beside() + each > level && work <= level * dry * kRoom) return Rank::kLeft;
  return Rank::kFirst;
}

Seconds Candidates::longest_beside() const {
  Seconds longest(0);
  for (Kind kind = 0; kind < waiting_.kinds(); ++kind) {
    if (waiting_.places(kind).empty() || limits_.exclusive(kind)) continue;
    const Seconds first(waiting_.weight_at(*waiting_.places(kind).begin()));
    longest = std::max({longest, first, limits_.shortage(kind)});
  }
  return longest;
}

bool Candidates::any(Limits::Worker worker) const {
  for (Kind kind = 0; kind < waiting_.kinds(); ++kind)
    if (!waiting_.places(kind).empty() && limits_.allows(worker, kind)) return true;
  return false;
}

void Candidates::start(Limits::Worker worker, Busy busy) {
  heads_.clear();
  for (Kind kind = 0; kind < waiting_.kinds(); ++kind) {
    const auto& places = waiting_.places(kind);
    if (places.empty() || !limits_.allows(worker, kind)) continue;
    heads_.push_back({.kind = kind,
                      .place = places.begin(),
                      .rank = weights_[kind].rank,
                      .shortage = weights_[kind].shortage,
                      .withheld = busy == Busy::kLong && !limits_.continues(worker, kind)});
  }
}

const Candidates::Head* Candidates::first() {
  if (heads_.empty()) return nullptr;
  const auto comes_after = [](const Head& one, const Head& other) {
    if (one.rank != other.rank) return one.rank < other.rank;
    if (one.rank == Rank::kUrgent && one.shortage != other.shortage)
      return one.shortage < other.shortage;
    return *one.place > *other.place;
  };
  const auto found = std::max_element(heads_.begin(), heads_.end(), comes_after);
  first_ = static_cast<std::size_t>(found - heads_.begin());
  return &*found;
}

void Candidates::advance() {
  Head& head = heads_[first_];
  if (++head.place == waiting_.places(head.kind).end())
    heads_.erase(heads_.begin() + static_cast<std::ptrdiff_t>(first_));
}

std::optional<Candidates::First> Candidates::first(Limits::Worker worker, Busy busy) {
  std::optional<First> found;
  find(worker, busy, [&found](Unit unit, Rank rank) {
    found = First{unit, rank};
    return true;
  });
  return found;
}

std::optional<Candidates::Unit> Candidates::at_most(double weight, Limits::Worker worker,
                                                    Busy busy) {
  start(worker, busy);
  std::optional<WaitingUnits::Place> longest, shortest;
  for (const Head& head : heads_) {
    if (head.withheld || head.rank == Rank::kLeft) continue;
    const auto place = waiting_.first_place_at_most(weight, head.kind);
    if (place && (!longest || *place < *longest)) longest = place;
    const WaitingUnits::Place last = *waiting_.places(head.kind).rbegin();
    if (!shortest || last > *shortest) shortest = last;
  }
  if (!shortest) return std::nullopt;
  return waiting_.at(longest.value_or(*shortest));
}

}  // namespace subunit::schedule
