#pragma once

#include <optional>
#include <vector>

#include "limits.h"
#include "waiting_units.h"

namespace subunit::schedule {

/// The units that wait, as one worker may get them within the limits, the one that matters most
/// first. A unit's kind is what it needs.
///
/// Longest first alone is not enough here. Of a resource with one slot, a hundred tests of a second
/// take a hundred seconds, whatever else there is: in the order of their lengths they would stand
/// at the end, and keep one worker busy long after all others. So a kind is urgent once what waits
/// for its resource takes, one after the other on its slots, nearly as long as everything that is
/// left, spread over all workers. Until then its tests are like others, and fill gaps. (Always to
/// put them first is as wrong: then long tests without needs come late.)
///
/// Before an exclusive test its channel has to run dry, and workers wait there. A channel on which
/// nothing runs yet is dry, and so it is at the end: there such tests run one after the other, at
/// the beginning if possible. Where a channel has a single worker, a test is alone in any case, and
/// costs the others nothing: exclusive tests run there, as far as that is enough for them.
class Candidates {
 public:
  using Unit = WaitingUnits::Unit;
  using Kind = WaitingUnits::Kind;
  enum class Rank : std::uint8_t {
    kLeft,    ///< better for another channel: only if there is nothing else
    kUsual,   ///< by its place
    kUrgent,  ///< its resource is short
    kFirst,   ///< it is to have the channel for itself: before all others, and none instead of it
    kAlone,   ///< the same in the whole run
  };
  /// What the worker does before a test that it gets would begin.
  enum class Busy : std::uint8_t {
    kIdle,
    kBriefly,  ///< a slot may be held meanwhile
    kLong,     ///< nothing is to be held meanwhile that the last test there does not hold
  };

  /// Both are the caller's, and live longer.
  Candidates(const WaitingUnits& waiting, const Limits& limits)
      : waiting_(waiting), limits_(limits) {}

  /// To be called before find() for each message. `level`: until everything will be done. With
  /// `keep_order`, nothing comes before what stands before it.
  void weigh(Limits::Worker worker, Seconds level, bool keep_order);

  /// The worker may get something.
  [[nodiscard]] bool any(Limits::Worker worker) const;

  /// Looks at units, in order, until `look(unit, rank)` returns true, or until it is the turn of a
  /// unit that the worker should get when it is idle.
  template <typename Look>
  void find(Limits::Worker worker, Busy busy, const Look& look) {
    start(worker, busy);
    while (const Head* const head = first()) {
      if (head->withheld || look(waiting_.at(*head->place), head->rank)) return;
      if (head->rank >= Rank::kFirst) return;
      advance();
    }
  }

  /// The first, and whether it comes before all others.
  struct First {
    Unit unit;
    Rank rank;
  };
  [[nodiscard]] std::optional<First> first(Limits::Worker worker, Busy busy);
  /// The longest with at most this weight, or the shortest of all; not one that is better left to
  /// another channel, or withheld until the worker is idle.
  [[nodiscard]] std::optional<Unit> at_most(double weight, Limits::Worker worker, Busy busy);

 private:
  struct Weight {
    Rank rank = Rank::kUsual;
    Seconds shortage{0};
  };
  struct Head {
    Kind kind;
    std::set<WaitingUnits::Place>::const_iterator place;
    Rank rank;
    Seconds shortage;
    bool withheld;
  };

  [[nodiscard]] Weight weight_of(Kind kind, Limits::Worker worker, Seconds level) const;
  [[nodiscard]] Rank exclusive_rank(Limits::Worker worker, Seconds level) const;
  [[nodiscard]] Seconds longest_beside() const;
  void reserve(Limits::Worker worker);
  void start(Limits::Worker worker, Busy busy);
  [[nodiscard]] const Head* first();
  void advance();

  const WaitingUnits& waiting_;
  const Limits& limits_;
  std::vector<Weight> weights_;  // by kind
  std::vector<Head> heads_;      // of find()
  std::size_t first_ = 0;        // in heads_
};

}  // namespace subunit::schedule
