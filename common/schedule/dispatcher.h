#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "../base/time.h"

namespace subunit::schedule {

/// Decides which server gets which tests, and when: a Scheduler, a Replay of what one decided
/// before, or one of these for each of several sites.
///
/// Tests are numbers, indexes into a list of the caller's. The caller says what happens, and asks:
/// the worker that an event was about after started() and finished(), all of them after add() and
/// remove() and at next_deadline(), and where tests have limits after finished(), too, since what
/// one worker holds no more another one may have waited for. What next() returns has to be sent, in
/// one message, behind what was sent to that worker before: it counts as sent, and cannot be taken
/// back.
///
///     const auto worker = dispatcher.add(slot, now);
///     send(worker, dispatcher.next(worker, now));
///     …
///     dispatcher.finished(worker, test, now);
///     send(worker, dispatcher.next(worker, now));
class Dispatcher {
 public:
  using Worker = std::size_t;              ///< one life of a server: never used again
  using Batch = std::vector<std::size_t>;  ///< tests, in the order in which to run them

  Dispatcher() = default;
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;
  virtual ~Dispatcher() = default;

  /// Where a server is. `slot` is the caller's number for its place: a server that comes in place
  /// of another one has the same slot, and what was learnt about the place holds for it. `channel`:
  /// the number of the machine.
  struct Place {
    Place(std::size_t its_slot, std::size_t its_channel = 0)
        : slot(its_slot), channel(its_channel) {}

    std::size_t slot;
    std::size_t channel;
  };

  /// A server is there and idle.
  virtual Worker add(Place place, Time now) = 0;

  /// It left. What it had and has not finished waits again. Report the test that killed it as
  /// finished before.
  virtual void remove(Worker worker, Time now) = 0;

  /// Where each test runs at several sites: no server will come to this one. What it has not
  /// finished will not be.
  virtual void give_up(std::size_t /*site*/) {}

  /// A report on a test that this worker does not have changes nothing.
  virtual void started(Worker worker, std::size_t test, Time now) = 0;
  virtual void finished(Worker worker, std::size_t test, Time now) = 0;
  /// It was cut short, by the end of its server for one, and is finished. How long it took says
  /// nothing of others.
  virtual void cut_short(Worker worker, std::size_t test, Time now) { finished(worker, test, now); }

  /// From sending something to the worker until its answer came, whenever that is known.
  virtual void measured_round_trip(Worker worker, Time round_trip) = 0;

  /// The server starts a process for each message, and would like `tests` in one.
  virtual void prefers_batches(Worker, std::size_t /*tests*/) {}

  /// What to send to it now; nothing if nothing yet.
  virtual Batch next(Worker worker, Time now) = 0;

  // A finished test runs again: when, and on which worker, is the caller's choice.

  /// The limits allow that this worker, which is idle, gets it now.
  [[nodiscard]] virtual bool may_repeat(Worker, std::size_t /*test*/) const { return true; }
  /// It was sent to the worker, until finished(), cut_short() or remove().
  virtual void repeat(Worker, std::size_t /*test*/) {}

  /// When next() may answer differently though nothing happened. Once all workers were asked, this
  /// lies ahead.
  [[nodiscard]] virtual std::optional<Time> next_deadline() const = 0;

  /// Every test is finished.
  [[nodiscard]] virtual bool done() const = 0;
  /// Tests that no worker has.
  [[nodiscard]] virtual std::size_t waiting() const = 0;
  /// Until all are done, if that can be estimated.
  [[nodiscard]] virtual std::optional<Time> time_left(Time now) const = 0;
};

}  // namespace subunit::schedule
