#include "common/schedule/waiting_units.h"

#include <algorithm>
#include <functional>
#include <numeric>

namespace subunit::schedule {

WaitingUnits::WaitingUnits(std::size_t count)
    : order_(count), place_(count), waiting_(1), size_(count) {
  std::iota(order_.begin(), order_.end(), 0);
  place_ = order_;
  waiting_.front().insert(place_.begin(), place_.end());
}

void WaitingUnits::set_kinds(std::vector<Kind> kinds, std::size_t count) {
  kinds_ = std::move(kinds);
  waiting_.resize(count);
  for (Place place = 0; place < order_.size(); ++place) {
    std::set<Place>& waiting = of(order_[place]);
    if (&waiting != &waiting_.front())
      waiting.insert(waiting.end(), waiting_.front().extract(place));
  }
}

void WaitingUnits::sort(std::vector<double> weights) {
  std::vector<bool> waits(order_.size());
  for (const std::set<Place>& kind : waiting_)
    for (const Place place : kind) waits[order_[place]] = true;

  std::stable_sort(order_.begin(), order_.end(),
                   [&weights](Unit a, Unit b) { return weights[a] > weights[b]; });
  for (std::set<Place>& kind : waiting_) kind.clear();
  for (Place place = 0; place < order_.size(); ++place) {
    const Unit unit = order_[place];
    place_[unit] = place;
    if (waits[unit]) of(unit).insert(of(unit).end(), place);
  }
  std::sort(weights.begin(), weights.end(), std::greater<>());
  weights_ = std::move(weights);
}

WaitingUnits::Unit WaitingUnits::first_of_all() const {
  Place first = static_cast<Place>(order_.size());
  for (const std::set<Place>& kind : waiting_)
    if (!kind.empty()) first = std::min(first, *kind.begin());
  return order_[first];
}

WaitingUnits::Unit WaitingUnits::last_of_all() const {
  Place last = 0;
  for (const std::set<Place>& kind : waiting_)
    if (!kind.empty()) last = std::max(last, *kind.rbegin());
  return order_[last];
}

std::optional<WaitingUnits::Unit> WaitingUnits::first_at_most(double weight) const {
  std::optional<Place> first;
  for (Kind kind = 0; kind < waiting_.size(); ++kind) {
    const auto place = first_place_at_most(weight, kind);
    if (place && (!first || *place < *first)) first = place;
  }
  if (!first) return std::nullopt;
  return order_[*first];
}

std::optional<WaitingUnits::Place> WaitingUnits::first_place_at_most(double weight,
                                                                     Kind kind) const {
  const auto found = std::lower_bound(weights_.begin(), weights_.end(), weight, std::greater<>());
  const auto place = waiting_[kind].lower_bound(static_cast<Place>(found - weights_.begin()));
  if (place == waiting_[kind].end()) return std::nullopt;
  return *place;
}

}  // namespace subunit::schedule
