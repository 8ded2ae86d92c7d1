#pragma once

#include <optional>
#include <vector>

#include "candidates.h"
#include "fleet/fleet.h"
#include "limits.h"
#include "test_pool.h"

namespace subunit::schedule {

/// Which of the units that wait a worker gets next, if it gets one now.
///
/// That is the longest of those which it will have finished before any other worker would, so that
/// a slow one leaves a long test to the others; nothing, if there is none among the first ones. A
/// worker gets short tests first until they have shown its speed ("probing"). Where an order is
/// given, it is the first. With limits, only what they allow the worker counts (see Candidates).
///
/// It costs O(workers), and with limits O(kinds of tests that differ in what they need), for each
/// unit that is looked at.
class UnitChoice {
 public:
  using Unit = TestPool::Unit;
  using Server = Fleet::Server;

  /// All are the caller's, and live longer. The order is given with `keep_order`, without
  /// durations, and for a single worker.
  UnitChoice(const TestPool& pool, const Fleet& fleet, Limits& limits, bool keep_order)
      : pool_(pool),
        fleet_(fleet),
        limits_(limits),
        keep_order_(keep_order),
        candidates_(pool.waiting(), limits) {}

  [[nodiscard]] bool in_given_order() const;
  /// It has to show first how fast it is.
  [[nodiscard]] bool probing(const Server& server) const;
  /// How much work is worth that. Something waits.
  [[nodiscard]] Seconds probing_time(Time now) const;

  /// Something waits that the limits allow it.
  [[nodiscard]] bool any(const Server& server) const;

  /// With limits, to be called before choose() for each message. `level`: until everything will be
  /// done.
  void weigh(const Server& server, Seconds level, Time now);
  /// A unit with which the worker has less than `enough` is not compared with other workers.
  /// `busy` matters to limits alone.
  [[nodiscard]] std::optional<Unit> choose(const Server& server, Seconds enough,
                                           Candidates::Busy busy, Time now);

 private:
  using Worker = TestPool::Worker;
  using Busy = Candidates::Busy;

  /// A server that might have a test done earlier.
  struct Other {
    Worker worker;
    Seconds rest;
    double slowness;
  };

  [[nodiscard]] std::optional<Unit> choose_of_all(const Server& server, Seconds enough,
                                                  Time now) const;
  [[nodiscard]] std::optional<Unit> short_one(const Server& server, Time now) const;
  [[nodiscard]] std::optional<Unit> ends_first_here(const Server& server, Time now) const;

  [[nodiscard]] std::optional<Unit> choose_within_limits(const Server& server, Seconds enough,
                                                         Busy busy, Time now);
  [[nodiscard]] std::optional<Unit> short_candidate(const Server& server, Busy busy, Time now);
  [[nodiscard]] std::optional<Unit> candidate_that_ends_first_here(const Server& server, Busy busy,
                                                                   Time now);

  [[nodiscard]] bool ends_within(Seconds enough, Unit unit, const Server& server, Time now) const;
  [[nodiscard]] Seconds probing_left(const Server& server, Seconds budget, Time now) const;
  [[nodiscard]] std::vector<Other> others(const Server& server, Time now) const;
  template <typename May>
  [[nodiscard]] bool ends_first(Unit unit, const Server& server, std::vector<Other>& others,
                                Time now, const May& may) const;

  const TestPool& pool_;
  const Fleet& fleet_;
  Limits& limits_;
  bool keep_order_;
  Candidates candidates_;  // only if there are limits
};

}  // namespace subunit::schedule
