#pragma once

#include <vector>

#include "dispatcher.h"
#include "fleet/fleet.h"
#include "limits.h"
#include "test_pool.h"
#include "unit_choice.h"

namespace subunit::schedule {

/// Gives tests to servers while they run.
///
/// What is to be found is the order and the place of each test, so that the last server ends as
/// early as possible: no earlier than the sum of all tests divided by the number of servers, and no
/// earlier than the longest test. Two obvious ways miss that by far.
///
/// Partitions, made before the run from the durations of an earlier one: every error stays where it
/// falls. A machine that is half as fast as the others, a test that has grown, a server that
/// crashes, and at the end all servers but one are idle.
///
/// One test on demand: whoever is idle gets the next one. That evens errors out, but a long test
/// that comes late runs alone at the end, and between any two tests a server waits for a round trip
/// of the channel. With tests of 2 ms behind a line of 100 ms it works for a fiftieth of the time.
///
/// So this is on demand, with four corrections.
///   1. The longest first, where durations are known (list scheduling by decreasing length; R.
///      L. Graham, "Bounds on multiprocessing timing anomalies", 1969: at most a third above the
///      optimum). What is left for the end is short, and evens out what was predicted wrong.
///      Without durations, with keep_order, and while there is only one worker: in the order
///      given.
///   2. To the worker that will have finished it first, which need not be the idle one: a fast
///      worker that is busy for one second more may be done with a long test before a slow one
///      that could begin at once. How fast a place is shows in a few short tests, before it gets
///      a long one ("probing").
///   3. Ahead of demand, by about a round trip: a worker gets more when what it has will end
///      within that time, as far as durations, and the errors of earlier predictions, tell. Not
///      later, so that it never waits for the channel; not earlier, so that nothing waits behind
///      a long test while another worker is idle. Where tests are much longer than the round
///      trip, waiting for it costs nothing that matters, and nothing is sent ahead on a guess.
///   4. Many in a message where they are short, but towards the end no more than an even share
///      of what is left (guided self-scheduling; Polychronopoulos and Kuck, 1987): otherwise the
///      last message would be the partition again that the first paragraph is about. A server that
///      starts a process for each message gets as many as it likes, within that share.
///
/// A server that dies puts back what it had; nothing that was sent is taken back from one that
/// lives. (A run that is to stop at a failure cancels it. Then what was sent ahead may have begun
/// before the word arrives, so where waiting costs little nothing is sent ahead.)
///
/// Where tests need things of which there are few (see Limits), a worker gets what is possible for
/// it, and what is short comes first (see Candidates). A slot is not held while its test waits
/// behind others, unless that is for a round trip or so: then the worker would wait otherwise.
///
/// The first two corrections are UnitChoice, and what is known of the tests is a TestPool, of the
/// servers a Fleet. When a worker gets more, and how much, is decided here.
///
/// A test that changes hands costs O(log n), and each call O(workers), and with limits O(kinds of
/// tests that differ in what they need).
class Scheduler : public Dispatcher {
 public:
  using Test = TestPool::Test;
  struct Options {
    bool keep_order = false;
    /// A worker has at most one test. The rest of its unit waits meanwhile.
    bool one_at_a_time = false;
    /// What is sent may have to be withdrawn, and no test is to begin after that: a worker gets
    /// nothing ahead of demand, unless the channel is so slow that it would wait for long.
    bool withdrawable = false;
  };

  /// Tests in one message, unless a unit is larger.
  static constexpr std::size_t kMaxBatch = 4096;

  /// `limits`: of which the tests need something. It has no workers yet.
  Scheduler(const std::vector<Test>& tests, Options options, Limits limits = {});

  Worker add(Place place, Time now) override;
  void remove(Worker worker, Time now) override;
  void started(Worker worker, std::size_t test, Time now) override;
  void finished(Worker worker, std::size_t test, Time now) override;
  void cut_short(Worker worker, std::size_t test, Time now) override;
  void measured_round_trip(Worker worker, Time round_trip) override;
  void prefers_batches(Worker worker, std::size_t tests) override;
  Batch next(Worker worker, Time now) override;
  [[nodiscard]] bool may_repeat(Worker worker, std::size_t test) const override {
    return pool_.allowed(worker, test);
  }
  void repeat(Worker worker, std::size_t test) override { pool_.repeat(worker, test); }
  [[nodiscard]] std::optional<Time> next_deadline() const override;
  [[nodiscard]] bool done() const override { return pool_.done(); }
  [[nodiscard]] std::size_t waiting() const override { return pool_.waiting_tests(); }
  [[nodiscard]] std::optional<Time> time_left(Time now) const override;

 private:
  using Server = Fleet::Server;

  /// When a server should get more, and how much it should have then.
  struct Portion {
    Seconds level;  ///< until everything will be done
    Seconds hungry_below;
    Seconds fill_to;
    Seconds at_most;  ///< for a server that likes batches
  };

  [[nodiscard]] Seconds horizon_of(const Server& server, Time now) const;
  [[nodiscard]] Seconds delay_allowed(Time now) const;
  [[nodiscard]] Portion portion(const Server& server, Time now) const;
  [[nodiscard]] bool wants_more(const Server& server, Seconds enough, Time now) const;
  [[nodiscard]] bool ahead_pays(const Server& server, Time now) const;
  [[nodiscard]] std::optional<Time> when_to_ask(const Server& server, Seconds hungry_below,
                                                Time now) const;

  [[nodiscard]] std::optional<TestPool::Unit> choose(const Server& server, Seconds enough,
                                                     Time now);
  [[nodiscard]] Candidates::Busy business_of(const Server& server, Seconds enough, Time now) const;
  void fill(Server& server, const Portion& portion, Time now, Batch& batch);
  void send(TestPool::Unit unit, Server& server, Time now, Batch& batch);

  Options options_;
  Limits limits_;
  TestPool pool_;
  Fleet fleet_;
  UnitChoice choice_;
};

}  // namespace subunit::schedule
