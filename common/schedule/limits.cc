#include "common/schedule/limits.h"

#include <algorithm>
#include <iterator>

namespace subunit::schedule {

Limits::Limits()
    : resources_({{.slots = 1, .scope = Scope::kChannel}, {.slots = 1, .scope = Scope::kRun}}) {
  needs({});
}

Limits::Resource Limits::add_resource(std::size_t slots, Scope scope) {
  resources_.push_back({.slots = slots, .scope = scope});
  return static_cast<Resource>(resources_.size() - 1);
}

Limits::Needs Limits::needs(std::vector<Resource> resources) {
  std::sort(resources.begin(), resources.end());
  resources.erase(std::unique(resources.begin(), resources.end()), resources.end());
  const auto [known, is_new] =
      numbers_.try_emplace(std::move(resources), static_cast<Needs>(sets_.size()));
  if (!is_new) return known->second;
  const Set& set = known->first;
  sets_.push_back(set);
  const auto has = [&set](Resource resource) {
    return std::binary_search(set.begin(), set.end(), resource);
  };
  std::optional<Scope> exclusive;
  if (has(kExclusiveOnChannel)) exclusive = Scope::kChannel;
  if (has(kExclusiveInRun)) exclusive = Scope::kRun;
  exclusive_.push_back(exclusive);
  return known->second;
}

Limits::Needs Limits::both(Needs one, Needs other) {
  if (one == other || other == kNothing) return one;
  if (one == kNothing) return other;
  Set all;
  std::set_union(sets_[one].begin(), sets_[one].end(), sets_[other].begin(), sets_[other].end(),
                 std::back_inserter(all));
  return needs(std::move(all));
}

bool Limits::share(Needs one, Needs other) const {
  return std::any_of(sets_[one].begin(), sets_[one].end(), [&](Resource resource) {
    return std::binary_search(sets_[other].begin(), sets_[other].end(), resource);
  });
}

// Who holds what.

void Limits::add(Worker worker, std::size_t channel) {
  run_.used.resize(resources_.size());
  Place& place = channels_[channel];
  place.used.resize(resources_.size());
  ++place.workers;
  ++run_.workers;
  Load load{.channel = channel, .place = &place, .tests_of = {}};
  load.tests_of.resize(resources_.size());
  loads_.resize(std::max(loads_.size(), worker + 1));
  loads_[worker] = &workers_.emplace(worker, std::move(load)).first->second;
  count_capacity();
}

void Limits::remove(Worker worker) {
  Load& load = *loads_[worker];
  for (Resource resource = 0; resource < resources_.size(); ++resource) {
    if (load.tests_of[resource] == 0) continue;
    load.tests_of[resource] = 1;
    drop(load, resource);
  }
  if (load.tests > 0) {
    --run_.busy;
    --load.place->busy;
  }
  --run_.workers;
  if (--load.place->workers == 0) channels_.erase(load.channel);
  loads_[worker] = nullptr;
  workers_.erase(worker);
  count_capacity();
}

bool Limits::allows(Worker worker, Needs needs) const {
  const Load& load = *loads_[worker];
  const Place& channel = *load.place;
  const auto taken = [&load](const Place& place, Resource exclusive) {
    return place.used[exclusive] > 0 && load.tests_of[exclusive] == 0;
  };
  if (taken(run_, kExclusiveInRun) || taken(channel, kExclusiveOnChannel)) return false;
  return std::all_of(sets_[needs].begin(), sets_[needs].end(), [&](Resource resource) {
    if (resource == kExclusiveOnChannel) return alone(channel, load);
    if (resource == kExclusiveInRun) return alone(run_, load);
    return load.tests_of[resource] > 0 ||
           place_of(resource, load).used[resource] < resources_[resource].slots;
  });
}

bool Limits::continues(Worker worker, Needs needs) const {
  if (needs == kNothing) return true;
  const Load& load = *loads_[worker];
  const Set& held = sets_[load.last];
  return load.tests > 0 &&
         std::includes(held.begin(), held.end(), sets_[needs].begin(), sets_[needs].end());
}

void Limits::hold(Worker worker, Needs needs) {
  Load& load = *loads_[worker];
  if (load.tests++ == 0) {
    ++run_.busy;
    ++load.place->busy;
  }
  load.last = needs;
  for (const Resource resource : sets_[needs])
    if (load.tests_of[resource]++ == 0) ++place_of(resource, load).used[resource];
}

void Limits::release(Worker worker, Needs needs) {
  Load& load = *loads_[worker];
  for (const Resource resource : sets_[needs]) drop(load, resource);
  if (--load.tests > 0) return;
  --run_.busy;
  --load.place->busy;
}

void Limits::drop(Load& load, Resource resource) {
  if (--load.tests_of[resource] == 0) --place_of(resource, load).used[resource];
}

// What is scarce.

void Limits::count_capacity() {
  for (Kind& kind : resources_) {
    kind.capacity = kind.scope == Scope::kRun ? std::min(kind.slots, workers_.size()) : 0;
    if (kind.scope == Scope::kRun) continue;
    for (const auto& [channel, place] : channels_)
      kind.capacity += std::min(kind.slots, place.workers);
  }
}

void Limits::waits(Needs needs, Seconds work) {
  for (const Resource resource : sets_[needs]) resources_[resource].waiting += work;
}

Seconds Limits::shortage(Needs needs) const {
  Seconds longest{0};
  for (const Resource resource : sets_[needs]) {
    const Kind& kind = resources_[resource];
    if (!scarce(kind)) continue;
    longest = std::max(longest, (kind.waiting + kind.held) / static_cast<double>(kind.capacity));
  }
  return longest;
}

Seconds Limits::least_time(double slowness, const std::function<Seconds(Worker)>& rest_of) const {
  std::vector<Seconds> times;
  for (const Kind& kind : resources_) times.push_back(kind.waiting * slowness);
  each_rest(rest_of, [&times](Resource resource, Seconds rest) { times[resource] += rest; });
  Seconds longest{0};
  for (Resource resource = 0; resource < resources_.size(); ++resource) {
    const Kind& kind = resources_[resource];
    if (!scarce(kind)) continue;
    longest = std::max(longest, times[resource] / static_cast<double>(kind.capacity));
  }
  return longest;
}

/// A test that is exclusive in both scopes counts once. One that is so on its channel may run on
/// the channel with the fewest workers.
Seconds Limits::idle_work() const {
  if (workers_.empty()) return Seconds(0);
  std::size_t fewest = workers_.size();
  for (const auto& [channel, place] : channels_) fewest = std::min(fewest, place.workers);
  return std::max(exclusive_work(Scope::kRun) * static_cast<double>(workers_.size() - 1),
                  exclusive_work(Scope::kChannel) * static_cast<double>(fewest - 1));
}

// Where.

std::size_t Limits::neighbours(Worker worker) const {
  return loads_[worker]->place->workers;
}

std::size_t Limits::single_channels() const {
  return static_cast<std::size_t>(
      std::count_if(channels_.begin(), channels_.end(),
                    [](const auto& channel) { return channel.second.workers == 1; }));
}

std::size_t Limits::other_dry_channels(Worker worker) const {
  const std::size_t own = loads_[worker]->channel;
  return static_cast<std::size_t>(
      std::count_if(channels_.begin(), channels_.end(), [own](const auto& each) {
        const auto& [channel, place] = each;
        const bool is_dry = place.busy == 0 || place.used[kExclusiveOnChannel] > 0;
        return channel != own && place.workers > 1 && is_dry;
      }));
}

}  // namespace subunit::schedule
