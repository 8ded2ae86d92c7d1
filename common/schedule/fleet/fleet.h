#pragma once

#include <map>

#include "speed.h"
#include "worker_load.h"

namespace subunit::schedule {

/// The servers of a run: what each has, how fast it is, and so when it will be done.
///
/// Work is what is expected on a usual server; a server's slowness makes time of it.
class Fleet {
 public:
  using Worker = std::size_t;

  /// What is known of a place, whatever server is there.
  struct Slot {
    Slowness slowness;
    RoundTrip round_trip;
    bool has_begun = false;  ///< the start of a test was among what round_trip has learnt
  };
  struct Server {
    Worker id;
    Slot* slot;
    WorkerLoad load;
    std::optional<Time> ask_again = std::nullopt;
    std::size_t batch = 1;  ///< how many tests in one message it would like
  };
  using Servers = std::map<Worker, Server>;

  /// `informed`: what is expected comes from an earlier run. Otherwise all tests count the same,
  /// and so do all servers: nothing tells a slow one from one with long tests.
  explicit Fleet(bool informed);

  Worker add(std::size_t slot);
  void remove(Worker worker) { servers_.erase(worker); }

  [[nodiscard]] Server& at(Worker worker) { return servers_.at(worker); }
  [[nodiscard]] const Servers& servers() const { return servers_; }
  /// How many places there were up to now.
  [[nodiscard]] std::size_t slots() const { return slots_.size(); }

  void started(Server& server, WorkerLoad::Ticket ticket, Time now);
  void finished(Server& server, WorkerLoad::Ticket ticket, Time now);

  /// Nothing has shown yet how fast it is, and something could.
  [[nodiscard]] bool speed_unknown(const Server& server) const {
    return informed_ && !server.slot->slowness.known();
  }
  /// Tests have ended: time can be predicted.
  [[nodiscard]] bool experienced() const { return general_.known(); }

  /// Factor from work to time.
  [[nodiscard]] double slowness(const Server& server, Time now) const;
  /// What its current test takes in all, and the tests behind that.
  [[nodiscard]] Seconds current(const Server& server, Time now) const {
    return server.load.current() * slowness(server, now);
  }
  [[nodiscard]] Seconds behind(const Server& server, Time now) const {
    return server.load.behind() * slowness(server, now);
  }
  /// Until it will have finished what it has.
  [[nodiscard]] Seconds rest(const Server& server, Time now) const;
  /// The same if its current test is as much shorter as predictions have been wrong.
  [[nodiscard]] Seconds least_rest(const Server& server, Time now) const;
  /// By how much the current test may be longer or shorter than predicted, or is longer already.
  [[nodiscard]] Seconds doubt(const Server& server, Time now) const;
  /// Until all will be done if `waiting` is spread such that all end at the same time.
  [[nodiscard]] Seconds level(Seconds waiting, Time now) const;

 private:
  bool informed_;
  std::map<std::size_t, Slot> slots_;  // its entries never move
  Servers servers_;
  Worker next_worker_ = 0;
  Slowness general_;  // over all slots
  PredictionError error_;
};

}  // namespace subunit::schedule
