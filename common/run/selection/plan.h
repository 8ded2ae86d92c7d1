#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/regex.h"
#include "common/base/result.h"
#include "common/rpc/message.h"
#include "common/run/options.h"
#include "common/run/running_tests.h"
#include "common/run/selection/limit_rules.h"
#include "common/run/selection/selection.h"
#include "common/schedule/dispatcher.h"
#include "common/schedule/durations.h"
#include "common/schedule/replay.h"
#include "common/subunit/packet.h"

namespace subunit::run {

/// Which tests to list or run and in which order, and what is kept of a run for later ones.
class Plan {
 public:
  /// What the files say that the command line names.
  struct Files {
    std::optional<std::vector<std::string>> names;  ///< ids, beside those of the options
    std::optional<schedule::Durations> history;     ///< it is brought up to date
    std::optional<std::vector<schedule::ScheduleEntry>> replay;
    bool wants_log = false;  ///< of what is sent to which worker
  };

  /// An Error names the expression that is not one, the id that is not UTF-8, or says that nothing
  /// is left to do.
  [[nodiscard]] static Result<Plan> create(const Options& options, Files files);

  // Which tests.

  /// The ids that were named and match, in the order given, each once; nothing if none were named.
  [[nodiscard]] const rpc::TestIds& named() const { return named_; }

  /// kRunTest was named, too; named() does not have it.
  [[nodiscard]] bool asks_for_run() const { return asks_for_run_; }

  /// True if the server's list has to be known before a run: nothing was named, or the list is what
  /// gives the names their order.
  [[nodiscard]] bool needs_list() const { return !named_ || (suite_order_ && named_->size() > 1); }

  /// True if something may be left out of what is listed.
  [[nodiscard]] bool filters() const { return selection_.is_partial(); }
  /// Why nothing is left of what was listed, for people.
  [[nodiscard]] std::string nothing_left() const;
  /// The tests are in an order of our own, that of the seed.
  [[nodiscard]] bool shuffles() const { return seed_.has_value(); }

  /// A server lists its tests, or lists them afresh.
  void start_list();
  /// It has listed this one. False: it is not selected.
  bool add_listed(std::string_view id);
  /// How many it has listed, wanted or not.
  [[nodiscard]] std::size_t listed() const { return listed_; }

  /// The tests to run, once all are listed that needs_list() wants: those that were named, or those
  /// that were listed, as often as they were, and match. Names are in the order of the list, if
  /// that is what orders them, with those that it does not have at the end.
  [[nodiscard]] std::vector<std::string> take_tests();

  // In which order.

  /// For tests with these ids. `one_server`: there is one, and no place for others. `channels`: how
  /// many there are. An Error if the schedule to replay does not fit the tests. This outlives the
  /// dispatcher.
  [[nodiscard]] Result<std::unique_ptr<schedule::Dispatcher>> make_dispatcher(
      const std::vector<std::string>& ids, bool one_server, std::size_t channels) const;

  [[nodiscard]] bool replays() const { return files_.replay.has_value(); }
  /// The numbers of the workers that the schedule to replay names.
  [[nodiscard]] std::set<WorkerNumber> replayed_workers() const;

  // What is kept.

  /// A packet of results, for the history: from its server, for the times in it. `site`: where each
  /// test runs at several.
  void record(const Packet& packet, std::optional<std::size_t> site);
  /// How a test has ended. `failed`: or did not run.
  void ended(std::string_view test_id, bool failed) {
    if (files_.history) files_.history->set_failed(test_id, failed);
  }
  [[nodiscard]] const std::optional<schedule::Durations>& history() const { return files_.history; }

  /// For the log.
  void sent(const schedule::ScheduleEntry& entry);
  /// Lines to write. They pile up until consume_log().
  [[nodiscard]] std::string_view pending_log() const { return log_; }
  void consume_log() { log_.clear(); }

 private:
  Plan(Files files, Selection selection, LimitRules limits)
      : files_(std::move(files)), selection_(std::move(selection)), limits_(std::move(limits)) {}

  [[nodiscard]] Result<> select(const Options& options);
  [[nodiscard]] std::vector<std::string> in_order(std::vector<std::string> listed) const;
  [[nodiscard]] std::unique_ptr<schedule::Dispatcher> dispatcher_of_site(
      const std::vector<std::string>& ids, bool one_server) const;
  [[nodiscard]] std::vector<std::size_t> units_of(const std::vector<std::string>& ids) const;

  Files files_;
  Selection selection_;
  LimitRules limits_;
  std::optional<std::uint32_t> seed_;
  std::optional<Regex> group_;
  Spread spread_ = Spread::kOnce;
  rpc::TestIds named_;
  bool asks_for_run_ = false;
  bool is_history_new_ = false;
  bool suite_order_ = false;
  bool keep_order_ = false;
  bool isolated_ = false;
  bool withdrawable_ = false;
  std::vector<std::string> wanted_;  // of what was listed
  std::size_t listed_ = 0;
  std::string log_;
};

}  // namespace subunit::run
