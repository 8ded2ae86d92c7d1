#include "common/schedule/waiting_units.h"

#include <algorithm>
#include <functional>
#include <numeric>

namespace subunit::schedule {

WaitingUnits::WaitingUnits(std::size_t count) : order_(count), place_(count) {
  std::iota(order_.begin(), order_.end(), 0);
  place_ = order_;
  waiting_.insert(place_.begin(), place_.end());
}

void WaitingUnits::sort(std::vector<double> weights) {
  std::vector<bool> waits(order_.size());
  for (const Place place : waiting_) waits[order_[place]] = true;

  std::stable_sort(order_.begin(), order_.end(),
                   [&weights](Unit a, Unit b) { return weights[a] > weights[b]; });
  waiting_.clear();
  for (Place place = 0; place < order_.size(); ++place) {
    const Unit unit = order_[place];
    place_[unit] = place;
    if (waits[unit]) waiting_.insert(waiting_.end(), place);
  }
  std::sort(weights.begin(), weights.end(), std::greater<>());
  weights_ = std::move(weights);
}

std::optional<WaitingUnits::Unit> WaitingUnits::first_at_most(double weight) const {
  const auto found = std::lower_bound(weights_.begin(), weights_.end(), weight, std::greater<>());
  const auto place = waiting_.lower_bound(static_cast<Place>(found - weights_.begin()));
  if (place == waiting_.end()) return std::nullopt;
  return order_[*place];
}

}  // namespace subunit::schedule
