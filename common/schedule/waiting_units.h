#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

namespace subunit::schedule {

/// The units of tests that wait, in an order of all units: one that is put back stands where it
/// stood. Everything but sort() and set_kinds() costs O(log n).
class WaitingUnits {
 public:
  using Unit = std::uint32_t;
  using Kind = std::uint32_t;
  using Place = std::uint32_t;  ///< in the order of all units

  /// Units 0 to `count` - 1, all waiting, in this order, all of kind 0.
  explicit WaitingUnits(std::size_t count);

  /// From now on, those of one kind can be looked at without the others. `kinds`: one for each
  /// unit, each below `count`. All units wait.
  void set_kinds(std::vector<Kind> kinds, std::size_t count);

  /// From now on by `weights`, one for each unit, the largest first; equal ones in the order in
  /// which they were.
  void sort(std::vector<double> weights);

  void take(Unit unit) { size_ -= of(unit).erase(place_[unit]); }
  void put_back(Unit unit) { size_ += of(unit).insert(place_[unit]).second ? 1 : 0; }

  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t size() const { return size_; }
  /// Not if it is empty.
  [[nodiscard]] Unit first() const {
    return kinds_.empty() ? order_[*waiting_.front().begin()] : first_of_all();
  }
  [[nodiscard]] Unit last() const {
    return kinds_.empty() ? order_[*waiting_.front().rbegin()] : last_of_all();
  }

  /// The first that has at most this weight, after sort().
  [[nodiscard]] std::optional<Unit> first_at_most(double weight) const;

  /// Looks at all that wait, in order, until `look` returns true. There is one kind.
  template <typename Look>
  void find(const Look& look) const {
    for (const Place place : waiting_.front()) {
      if (look(order_[place])) return;
    }
  }

  // By kind.

  [[nodiscard]] std::size_t kinds() const { return waiting_.size(); }
  /// Where they stand.
  [[nodiscard]] const std::set<Place>& places(Kind kind) const { return waiting_[kind]; }
  [[nodiscard]] Unit at(Place place) const { return order_[place]; }
  /// 0 before sort().
  [[nodiscard]] double weight_at(Place place) const {
    return weights_.empty() ? 0 : weights_[place];
  }
  [[nodiscard]] std::optional<Place> first_place_at_most(double weight, Kind kind) const;

 private:
  [[nodiscard]] Unit first_of_all() const;
  [[nodiscard]] Unit last_of_all() const;
  [[nodiscard]] std::set<Place>& of(Unit unit) {
    return waiting_[kinds_.empty() ? 0 : kinds_[unit]];
  }

  std::vector<Unit> order_;
  std::vector<Place> place_;              // by unit
  std::vector<double> weights_;           // by place
  std::vector<Kind> kinds_;               // by unit; empty: all are of kind 0
  std::vector<std::set<Place>> waiting_;  // by kind
  std::size_t size_;
};

}  // namespace subunit::schedule
