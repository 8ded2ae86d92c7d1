#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

namespace subunit::schedule {

/// The units of tests that wait, in an order of all units: one that is put back stands where it
/// stood. Everything but sort() costs O(log n).
class WaitingUnits {
 public:
  using Unit = std::uint32_t;

  /// Units 0 to `count` - 1, all waiting, in this order.
  explicit WaitingUnits(std::size_t count);

  /// From now on by `weights`, one for each unit, the largest first; equal ones in the order in
  /// which they were.
  void sort(std::vector<double> weights);

  void take(Unit unit) { waiting_.erase(place_[unit]); }
  void put_back(Unit unit) { waiting_.insert(place_[unit]); }

  [[nodiscard]] bool empty() const { return waiting_.empty(); }
  [[nodiscard]] std::size_t size() const { return waiting_.size(); }
  /// Not if it is empty.
  [[nodiscard]] Unit first() const { return order_[*waiting_.begin()]; }
  [[nodiscard]] Unit last() const { return order_[*waiting_.rbegin()]; }

  /// The first that has at most this weight, after sort().
  [[nodiscard]] std::optional<Unit> first_at_most(double weight) const;

  /// Looks at all that wait, in order, until `look` returns true.
  template <typename Look>
  void find(const Look& look) const {
    for (const Place place : waiting_) {
      if (look(order_[place])) return;
    }
  }

 private:
  using Place = std::uint32_t;

  std::vector<Unit> order_;
  std::vector<Place> place_;     // by unit
  std::vector<double> weights_;  // by place
  std::set<Place> waiting_;
};

}  // namespace subunit::schedule
