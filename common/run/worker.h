#pragma once

#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "common/base/time.h"
#include "common/rpc/client_session.h"
#include "common/run/running_tests.h"
#include "common/schedule/dispatcher.h"
#include "common/verdict/end_of_test.h"

namespace subunit::run {

class RemoteServers;

/// A place for a test server at the other end of a channel, and the server that is there now.
///
/// A worker outlives its servers: one dies, the proxy starts another in its place, and the number,
/// the route code and what was learnt about the place stay. What a worker is at a given moment is
/// its state, and nothing else says so; go() is the only thing that changes it, by one table:
///
///     (new) ──attach──► kGreeting ──answer──► kOpen ──end──► kGone ──attach──► kGreeting
///                           │                 │   │            │
///                        recycle         recycle replace    restart
///                           ▼                 ▼   ▼            ▼
///                           └──► kRecycling ◄─┘ kReplacing   kStarting ──attach──► kGreeting
///                                    └──────end──────┴────────►│
///                                                              └──end──► kGone
///
/// From any of them a step kLose leads to kLost, and from kRecycling a step kKeep back to kOpen:
/// the proxy cannot start another server there, and has not ended this one.
///
/// The obvious way, a flag for each thing that may be going on ("was asked to restart", "is to be
/// replaced", "has ended already"), fails where two of them are on the way at once: a server that
/// has just crashed while we ask for its replacement ends once, and is reported ended once, but a
/// flag each makes that one crash or two. Whose fault an end is follows from the state that it
/// ends:
///
///     kGreeting, kOpen, kStarting   the server's: the tests in progress failed with it
///     kReplacing                    the server's, for a reason that is known: a test has timed
///                                   out, or the server hangs between tests
///     kRecycling                    ours: it was asked to end when it had nothing to do
class Worker {
 public:
  enum class State {
    kGreeting,   ///< it is there; its Hello is awaited
    kOpen,       ///< it takes lists and runs
    kReplacing,  ///< it hangs; the proxy was asked to end it and start another one
    kRecycling,  ///< the same, but nothing is wrong with its tests
    kGone,       ///< it has ended, and may be started again
    kStarting,   ///< it has ended, and another one was asked for
    kLost,       ///< no server will come back, unless the proxy says otherwise
  };
  enum class Step {
    kAttach,   ///< the proxy says that a server is connected
    kAnswer,   ///< its Hello has come
    kReplace,  ///< it is to be ended, since it hangs
    kRecycle,  ///< it is to be ended, since a fresh one is wanted
    kRestart,  ///< another one was asked for
    kKeep,     ///< no fresh one can be had
    kEnd,      ///< the server has ended
    kLose,     ///< it has ended, and there will be no other
  };

  /// A worker whose servers have died so often in a row, and have ended no test in between, be it
  /// by their death, is given up.
  static constexpr int kMaxDeaths = 3;

  /// Tests that went out in one message.
  struct Batch {
    std::string nonce;
    schedule::Dispatcher::Batch tests;
  };

  /// What the worker was asked. Assignment writes it.
  struct Work {
    std::deque<Batch> batches;                       ///< in the order in which they were sent
    std::optional<std::string> listing;              ///< the nonce of a list that was asked for
    std::optional<schedule::Dispatcher::Worker> id;  ///< its name for the dispatcher
    bool used = false;  ///< the server that is there now was given tests

    [[nodiscard]] bool asked() const { return !batches.empty() || listing; }
  };

  /// A time-out that has passed.
  struct Timeout {
    std::string test_id;  ///< "": it hangs between tests
    std::string reason;
  };

  enum class Ping { kNone, kAsked, kAnswered };

  /// What the proxy says of the CPU time that the server uses.
  struct Load {
    Time at{};                                   ///< when it was told
    Time cpu{};                                  ///< used until then
    std::optional<double> share = std::nullopt;  ///< of one processor, since it was told before
  };

  /// Signs of life. Watchdog reads them, and writes what it has done about them.
  struct Signs {
    Time since{};  ///< the last sign that it goes on: an end, a start, being asked
    Ping ping = Ping::kNone;
    bool called_stuck = false;
    std::optional<Load> load;
  };

  /// What is known of its servers. Attribution writes it.
  struct Record {
    bool has_answered = false;   ///< a server there has answered Hello, this one or one before
    bool has_loaded = false;     ///< the server that is there has listed its tests, or begun one
    bool blamed = false;         ///< a test has failed because the server that is there has ended
    int deaths = 0;              ///< in a row, without having ended a test
    verdict::Fixtures fixtures;  ///< since the last Done
  };

  Worker(RemoteServers& those_behind, std::string route_code, WorkerNumber worker_number)
      : servers(those_behind), route(std::move(route_code)), number(worker_number) {}

  /// Changes the state. False, and nothing changed, if `step` makes no sense in it.
  bool go(Step step);
  [[nodiscard]] State state() const { return state_; }

  /// It takes work, or will.
  [[nodiscard]] bool can_progress() const;
  /// The server that is there takes work.
  [[nodiscard]] bool is_open() const { return state_ == State::kOpen; }
  /// The server that is there has answered Hello, though it may hang now.
  [[nodiscard]] bool has_answered() const {
    return state_ == State::kOpen || state_ == State::kReplacing;
  }
  /// The server that is there was asked to end: another one comes.
  [[nodiscard]] bool ends() const {
    return state_ == State::kReplacing || state_ == State::kRecycling;
  }

  RemoteServers& servers;   ///< behind the same proxy
  const std::string route;  ///< "": packets to and from it have none
  const WorkerNumber number;
  std::string address;      ///< of the server that is there, for people
  std::optional<int> pid;   ///< of that server, on its machine, if its proxy has told
  bool can_restart = true;  ///< as far as the place is concerned; see RemoteServers::can_restart()
  std::string restart_reason;  ///< why the last server was asked to end
  std::string refusal;         ///< what its proxy says of why it cannot be started again
  rpc::ClientSession session;  ///< with the server that is there
  Time round_trip{};           ///< of its Hello
  int batch = 1;               ///< how many tests in one message it would like
  std::optional<Timeout>
      timeout;         ///< why it is being replaced, in kReplacing and until it opens anew
  Time replaced_by{};  ///< until when that has to have happened

  Work work;
  Signs signs;
  Record record;

 private:
  State state_ = State::kGone;
};

}  // namespace subunit::run
