#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/run/worker.h"
#include "common/schedule/dispatcher.h"

namespace subunit::run {

/// The tests to run.
struct RunList {
  RunList() = default;
  /// `listed`: as often as each was listed.
  explicit RunList(std::vector<std::string> listed);

  std::vector<std::string> ids;    ///< each once
  std::vector<std::size_t> times;  ///< how often it was listed: as many tests have this id

  [[nodiscard]] std::vector<std::string> repeated() const;
};

/// Which worker has which test of the run, what is answered, and what each gets next.
class Assignment {
 public:
  /// What was sent to which worker.
  using Sent = std::function<void(const Worker& worker, const std::vector<std::string>& ids)>;

  /// `sent` is called for each message.
  explicit Assignment(Sent sent) : sent_(std::move(sent)) {}

  /// What to run is known. Until then there is nothing to assign, and every report changes nothing.
  /// `all_at_once`: the list is all that the only server has, and the first message may say so
  /// instead of naming each of them.
  void begin(RunList list, std::unique_ptr<schedule::Dispatcher> dispatcher, bool all_at_once);
  [[nodiscard]] bool has_begun() const { return dispatcher_ != nullptr; }

  /// The server is there and has nothing to do.
  void add(Worker& worker, Time now);
  /// It is gone. What it had and has not ended waits again.
  void remove(Worker& worker, Time now);

  /// Puts what the server is to get now into its session. False: nothing. An Error as
  /// ClientSession::run().
  [[nodiscard]] Result<bool> feed(Worker& worker, Time now);

  /// What is said of this test by `worker`, or by nobody that is known, may count: it was asked to
  /// run the test, and has not said Done since, or the test is not one of the list at all.
  [[nodiscard]] bool may_report(const Worker* worker, std::string_view test_id) const;

  void started(Worker& worker, std::string_view test_id, Time now);
  /// It is one of the list.
  [[nodiscard]] bool has(std::string_view test_id) const { return find(test_id).has_value(); }
  /// There has been no answer to it yet, or too few to a test that was listed several times.
  [[nodiscard]] bool owes(std::string_view test_id) const;
  /// True if that was an answer that was owed. `cut_short`: it ended with its server.
  bool ended(Worker& worker, std::string_view test_id, Time now, bool cut_short = false);

  /// Done came. Returns the tests of that message that were not answered; they count as ended.
  [[nodiscard]] std::vector<std::string> settle(Worker& worker, const std::string& nonce, Time now);

  [[nodiscard]] bool done() const { return dispatcher_ && dispatcher_->done(); }
  [[nodiscard]] std::size_t waiting() const { return dispatcher_ ? dispatcher_->waiting() : 0; }
  [[nodiscard]] std::optional<Time> next_deadline() const {
    return dispatcher_ ? dispatcher_->next_deadline() : std::nullopt;
  }
  [[nodiscard]] std::optional<Time> time_left(Time now) const {
    return dispatcher_ ? dispatcher_->time_left(now) : std::nullopt;
  }

 private:
  [[nodiscard]] std::optional<std::size_t> find(std::string_view test_id) const;

  RunList list_;
  std::vector<std::size_t> answered_;                          // final statuses, by test
  std::vector<const Worker*> asked_;                           // who has it now, by test
  std::unordered_map<std::string_view, std::size_t> numbers_;  // keys are views of ids
  std::unique_ptr<schedule::Dispatcher> dispatcher_;
  Sent sent_;
  bool all_at_once_ = false;
};

}  // namespace subunit::run
