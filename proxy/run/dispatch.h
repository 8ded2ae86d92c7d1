#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/schedule/dispatcher.h"
#include "proxy/run/worker.h"

namespace proxy {

/// The tests to run.
struct RunList {
  /// `listed`: as often as each was listed.
  explicit RunList(std::vector<std::string> listed);

  std::vector<std::string> ids;    ///< each once
  std::vector<std::size_t> times;  ///< how often it was listed: as many tests have this id

  [[nodiscard]] std::vector<std::string> repeated() const;
};

/// The tests of a run: what has to be answered, which server has which, what it gets next.
class Dispatch {
 public:
  /// What was sent to whom.
  using Sent = std::function<void(const Worker& worker, const std::vector<std::string>& ids)>;

  /// `ids`: the tests to run. `sent` is called for each message.
  Dispatch(RunList list, std::unique_ptr<subunit::schedule::Dispatcher> dispatcher, Sent sent);

  /// The first message names no tests, which stands for all of them: what is to run is all there
  /// is, and there is one server.
  void ask_for_all_at_once() { all_at_once_ = true; }

  /// The server is there and has nothing to do.
  void add(Worker& worker, subunit::Time now);
  /// It is gone. What it had and has not ended waits again.
  void remove(Worker& worker, subunit::Time now);

  /// Puts what the server is to get now into its session. False: nothing. An Error as
  /// ClientSession::run().
  [[nodiscard]] subunit::Result<bool> feed(Worker& worker, subunit::Time now);

  void started(Worker& worker, std::string_view test_id, subunit::Time now);
  /// There has been no answer to it yet, or too few to a test that was listed several times.
  [[nodiscard]] bool owes(std::string_view test_id) const;
  /// True if that was an answer that was owed. `cut_short`: it ended with its server.
  bool ended(Worker& worker, std::string_view test_id, subunit::Time now, bool cut_short = false);

  /// Done came. Returns the tests of that message that were not answered; they count as ended.
  [[nodiscard]] std::vector<std::string> settle(Worker& worker, const std::string& nonce,
                                                subunit::Time now);

  [[nodiscard]] bool done() const { return dispatcher_->done(); }
  [[nodiscard]] std::size_t waiting() const { return dispatcher_->waiting(); }
  [[nodiscard]] std::optional<subunit::Time> next_deadline() const {
    return dispatcher_->next_deadline();
  }
  [[nodiscard]] std::optional<subunit::Time> time_left(subunit::Time now) const {
    return dispatcher_->time_left(now);
  }

 private:
  [[nodiscard]] std::optional<std::size_t> find(std::string_view test_id) const;

  RunList list_;
  std::vector<std::size_t> answered_;                          // final statuses, by test
  std::unordered_map<std::string_view, std::size_t> numbers_;  // keys are views of ids
  std::unique_ptr<subunit::schedule::Dispatcher> dispatcher_;
  Sent sent_;
  bool all_at_once_ = false;
};

}  // namespace proxy
