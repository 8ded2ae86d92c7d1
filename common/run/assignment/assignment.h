#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/run/assignment/retries.h"
#include "common/run/options.h"
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

/// A test that has not ended at one of several sites.
struct Unfinished {
  std::size_t site;
  std::string test_id;
  std::optional<WorkerNumber> running = std::nullopt;  ///< the worker that has begun it
};

/// Which worker has which test of the run, what is answered, and what each gets next.
///
/// Where each test runs at several sites, a test of the run is one at one of them: what a worker
/// says of an id is about the test with that id at the worker's site.
class Assignment {
 public:
  /// What was sent to which worker.
  using Sent = std::function<void(const Worker& worker, const std::vector<std::string>& ids)>;

  /// `sent` is called for each message. The options are the caller's, and live longer.
  Assignment(Sent sent, const Options& options)
      : sent_(std::move(sent)), spread_(options.spread), retries_(options.retries) {}

  /// What to run is known, or runs once more, after all of it has been answered; then no worker is
  /// there. Until the first call there is nothing to assign, and every report changes nothing.
  /// `all_at_once`: the list is all that the only server has, and the first message may say so
  /// instead of naming each of them. Where each test runs at several sites, the dispatcher numbers
  /// them as schedule::EachSite does, and `sites` are there from the beginning.
  void begin(RunList list, std::unique_ptr<schedule::Dispatcher> dispatcher, bool all_at_once,
             std::size_t sites = 1);
  [[nodiscard]] bool has_begun() const { return dispatcher_ != nullptr; }

  /// The server is there and has nothing to do. True: it is at a site that nobody knew of, where
  /// all tests run, too.
  bool add(Worker& worker, Time now);
  /// It is gone. What it had and has not ended waits again.
  void remove(Worker& worker, Time now);

  /// Puts what the server is to get now into its session. False: nothing. An Error as
  /// ClientSession::run().
  [[nodiscard]] Result<bool> feed(Worker& worker, Time now);
  /// From now on, feed() gives nothing to anyone.
  void stop() { stopped_ = true; }
  [[nodiscard]] bool stopped() const { return stopped_; }

  // Where each test runs at several sites.

  /// That of the worker; nothing where there is but one.
  [[nodiscard]] std::optional<std::size_t> site_of(const Worker& worker) const {
    return spread_ == Spread::kOnce ? std::nullopt : std::optional(one_of_sites(worker));
  }
  /// It has tests, and was not given up.
  [[nodiscard]] bool has_site(std::size_t site) const {
    return sites_.contains(site) && !given_up_.contains(site);
  }
  /// No server will come there any more. Returns the tests that have not ended there; they will
  /// not.
  [[nodiscard]] std::vector<std::string> give_up(std::size_t site);
  /// What has not ended at the sites that have tests, as often as an answer is owed.
  [[nodiscard]] std::vector<Unfinished> unfinished() const;
  /// Those that were listed more than once.
  [[nodiscard]] std::vector<std::string> repeated() const { return list_.repeated(); }
  /// The tests of the run, each once.
  [[nodiscard]] const std::vector<std::string>& tests() const { return list_.ids; }

  // Tests that have failed and run again. feed() does not give them.

  [[nodiscard]] const Retries& retries() const { return retries_; }
  /// The worker has nothing else to do.
  [[nodiscard]] bool is_idle(const Worker& worker) const {
    return worker.work.id && worker.work.batches.empty();
  }
  /// The limits of tests that run at the same time allow it now.
  [[nodiscard]] bool may_feed_again(const Worker& worker, std::string_view test_id) const;
  [[nodiscard]] Result<> feed_again(Worker& worker, const std::string& id, Time now);
  /// It is a test of the list, and a failure at `worker` would not be its last attempt.
  [[nodiscard]] bool can_run_again(const Worker& worker, std::string_view test_id) const;
  /// An attempt has failed, as ended() would be told; `how` for people.
  void failed_for_now(Worker& worker, std::string_view test_id, std::string_view how, Time now,
                      bool cut_short);
  /// The messages that the worker has not answered for, and in which a test has not begun.
  /// `in_progress`: how many of its tests are.
  [[nodiscard]] std::vector<std::string> unbegun(const Worker& worker,
                                                 std::size_t in_progress) const;
  /// Those that wait do not run again: they count as ended.
  [[nodiscard]] std::vector<Retries::Waiting> take_waiting();

  /// What is said of this test by `worker`, or by nobody that is known, may count: it was asked to
  /// run the test, and has not said Done since, or the test is not one of the list at all.
  [[nodiscard]] bool may_report(const Worker* worker, std::string_view test_id) const;

  void started(Worker& worker, std::string_view test_id, Time now);
  /// It is one of the list.
  [[nodiscard]] bool has(std::string_view test_id) const { return place_of(test_id).has_value(); }
  /// There has been no answer to it yet, or too few to a test that was listed several times.
  [[nodiscard]] bool owes(const Worker& worker, std::string_view test_id) const;
  /// True if that was an answer that was owed. `cut_short`: it ended with its server.
  bool ended(Worker& worker, std::string_view test_id, Time now, bool cut_short = false);

  /// Done came. Returns the tests of that message that were not answered. They are not given to
  /// anybody else.
  [[nodiscard]] std::vector<std::string> settle(Worker& worker, const std::string& nonce, Time now);
  /// No answer to it is owed any more.
  void close(const Worker& worker, std::string_view test_id);

  /// Nothing is left that is to be given to anyone.
  [[nodiscard]] bool done() const {
    return stopped_ || (dispatcher_ && dispatcher_->done() && retries_.waiting() == 0);
  }
  [[nodiscard]] std::size_t waiting() const {
    return stopped_ || !dispatcher_ ? 0 : dispatcher_->waiting() + retries_.waiting();
  }
  [[nodiscard]] std::optional<Time> next_deadline() const {
    return dispatcher_ ? dispatcher_->next_deadline() : std::nullopt;
  }
  [[nodiscard]] std::optional<Time> time_left(Time now) const {
    return dispatcher_ ? dispatcher_->time_left(now) : std::nullopt;
  }

 private:
  /// In the list. What is said of a test comes together, so it is mostly the latest one.
  [[nodiscard]] std::optional<std::size_t> place_of(std::string_view test_id) const {
    if (latest_ < list_.ids.size() && list_.ids[latest_] == test_id) return latest_;
    return look_up(test_id);
  }
  [[nodiscard]] std::optional<std::size_t> look_up(std::string_view test_id) const;
  [[nodiscard]] std::size_t one_of_sites(const Worker& worker) const;
  /// Nothing if it is none of the list, or its site has no tests.
  [[nodiscard]] std::optional<std::size_t> find(const Worker& worker,
                                                std::string_view test_id) const;
  [[nodiscard]] std::optional<std::size_t> at_site_of(const Worker& worker,
                                                      std::size_t place) const;
  [[nodiscard]] std::size_t place(std::size_t test) const { return test % list_.ids.size(); }
  [[nodiscard]] const std::string& id(std::size_t test) const { return list_.ids[place(test)]; }
  [[nodiscard]] bool is_owed(std::size_t test) const {
    return answered_[test] < list_.times[place(test)];
  }
  [[nodiscard]] bool make_room(std::size_t site);
  [[nodiscard]] bool take_from(const Worker& worker, std::size_t test);
  [[nodiscard]] Result<> send(Worker& worker, schedule::Dispatcher::Batch batch, bool all,
                              Time now);

  RunList list_;
  std::vector<std::size_t> answered_;                          // final statuses, by test
  std::vector<const Worker*> asked_;                           // who has it now, by test
  std::set<std::size_t> sites_;                                // that have the tests of the list
  std::set<std::size_t> given_up_;                             // of those
  std::unordered_map<std::string_view, std::size_t> numbers_;  // places in the list, by its ids
  mutable std::size_t latest_ = 0;  // that was looked up: a place in the list
  std::unique_ptr<schedule::Dispatcher> dispatcher_;
  Sent sent_;
  const Spread spread_;
  Retries retries_;
  bool all_at_once_ = false;
  bool stopped_ = false;
};

}  // namespace subunit::run
