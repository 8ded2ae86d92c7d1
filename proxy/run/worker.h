#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "common/rpc/client_session.h"
#include "common/schedule/dispatcher.h"
#include "common/verdict/fixture.h"
#include "proxy/run/output.h"

namespace proxy {

class Remote;

/// A place for a test server at the other end of a channel; the conversation with the server that
/// is there now, what it was asked, and what it is doing.
struct Worker {
  enum class State {
    kGreeting,  ///< it is there; its Hello is awaited
    kOpen,      ///< it takes lists and runs
    kGone,      ///< it has ended, and may be started again
    kStarting,  ///< the proxy was asked to start it again
    kLost,      ///< it will not come back
  };

  /// Tests that went out in one message.
  struct Batch {
    std::string nonce;
    subunit::schedule::Dispatcher::Batch tests;
  };

  /// What Alive tells of the CPU time that it uses.
  struct Load {
    subunit::Time at{};                          ///< when it was told
    subunit::Time cpu{};                         ///< used until then
    std::optional<double> share = std::nullopt;  ///< of one processor, since it was told before
  };

  enum class Ping { kNone, kAsked, kAnswered };

  struct Running {
    std::string test_id;
    subunit::Time since;
    bool slow_told = false;
  };
  /// More tests at once are not kept: no server has so many under way.
  static constexpr std::size_t kMaxRunning = 1000;
  /// A server that has died so often in a row, without having finished a test, is given up.
  static constexpr int kMostDeaths = 3;

  /// Why the server has to be replaced, and the test that is to blame.
  struct Sentence {
    std::string test_id;  ///< "": it hangs between tests
    std::string reason;
  };

  Worker(Remote& owner, std::string route_code, WorkerNumber worker_number)
      : remote(owner), route(std::move(route_code)), number(worker_number) {}

  /// It takes work, or will.
  [[nodiscard]] bool is_there() const {
    return state == State::kGreeting || state == State::kOpen || state == State::kStarting;
  }
  [[nodiscard]] bool asked() const { return !batches.empty() || listing; }

  /// False: it was not running.
  bool forget_running(std::string_view test_id) {
    return std::erase_if(running,
                         [test_id](const Running& test) { return test.test_id == test_id; }) > 0;
  }

  Remote& remote;
  const std::string route;  ///< "": packets to and from it have none
  const WorkerNumber number;
  State state = State::kGreeting;
  std::string address;
  subunit::rpc::ClientSession session;

  std::deque<Batch> batches;           ///< in the order in which they were sent
  std::optional<std::string> listing;  ///< the nonce of a list that was asked for
  subunit::Time round_trip{};          ///< of Hello
  std::optional<subunit::schedule::Dispatcher::Worker> dispatched;  ///< its name for the dispatcher

  std::vector<Running> running;         ///< in the order of their start
  subunit::verdict::Fixtures fixtures;  ///< since the last Done
  subunit::Time since{};    ///< the last sign that it goes on: an end, a start, being asked
  bool stuck_told = false;  ///< that nothing has been in progress for long
  std::optional<Load> load;
  Ping ping = Ping::kNone;  ///< since then

  bool has_opened = false;
  bool blamed = false;  ///< a test has failed because the server that was there has ended
  bool used = false;    ///< the server that is there now was given tests
  int deaths = 0;       ///< in a row, without having finished a test
  /// The server that is there is being replaced: why, and until when that may take.
  std::optional<Sentence> condemned;
  subunit::Time condemned_until{};
};

}  // namespace proxy
