#include "common/run/selection/plan.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "common/base/text.h"
#include "common/run/tags.h"
#include "common/schedule/all_at_once.h"
#include "common/schedule/each_site.h"
#include "common/schedule/replay.h"
#include "common/schedule/scheduler.h"

namespace subunit::run {

namespace {

/// Each once, where it stands first.
std::vector<std::string> unique(std::vector<std::string> ids) {
  std::unordered_set<std::string> seen;
  std::erase_if(ids, [&seen](const std::string& id) { return !seen.insert(id).second; });
  return ids;
}

}  // namespace

Result<Plan> Plan::create(const Options& options, Files files) {
  // While the run changes the history, this stays as it was before.
  std::set<std::string, std::less<>> failed;
  if (options.failed && files.history) failed = files.history->failed();
  auto selection = Selection::create(
      options, [failed = std::move(failed)](std::string_view id) { return failed.contains(id); });
  if (!selection) return tl::unexpected(selection.error());
  auto limits = LimitRules::create(options);
  if (!limits) return tl::unexpected(limits.error());
  Plan plan(std::move(files), std::move(*selection), std::move(*limits));
  plan.seed_ = options.shuffle;
  plan.spread_ = options.spread;
  const auto& history = plan.files_.history;
  plan.is_history_new_ =
      options.failed && history && history->size() == 0 && history->failed().empty();
  plan.suite_order_ = options.suite_order;
  plan.keep_order_ = options.keep_order || options.shuffle;
  plan.isolated_ = options.isolated;
  plan.withdrawable_ = options.max_fail > 0;
  if (options.group) {
    auto group = Regex::create("--group", *options.group);
    if (!group) return tl::unexpected(group.error());
    plan.group_ = std::move(*group);
  }
  if (auto selected = plan.select(options); !selected) return tl::unexpected(selected.error());
  return plan;
}

/// What is named: by a schedule to replay, or by the options and their file.
Result<> Plan::select(const Options& options) {
  if (!files_.names && options.tests.empty() && !files_.replay) return {};
  std::vector<std::string> ids = options.tests;
  if (files_.replay) {
    ids.clear();
    for (const schedule::ScheduleEntry& entry : *files_.replay)
      ids.insert(ids.end(), entry.tests.begin(), entry.tests.end());
  }
  if (files_.names) ids.insert(ids.end(), files_.names->begin(), files_.names->end());
  for (const std::string& id : ids) {
    if (!is_text(as_bytes(id))) return error("test id \"{}\" is not UTF-8", escaped(id));
  }
  asks_for_run_ = std::erase(ids, kRunTest) > 0;
  const std::size_t named = ids.size();
  ids = unique(std::move(ids));
  std::erase_if(ids, [this](const std::string& id) { return !selection_.takes(id); });
  if (ids.empty() && named > 0 && !options.allow_empty)
    return error("none of the {} requested tests is selected by {}: nothing to run", named,
                 selection_.options());
  named_ = std::move(ids);
  return {};
}

void Plan::start_list() {
  wanted_.clear();
  selection_.restart();
  listed_ = 0;
}

bool Plan::add_listed(std::string_view id) {
  ++listed_;
  const bool is_wanted = selection_.takes(id);
  if (is_wanted) wanted_.emplace_back(id);
  return is_wanted;
}

std::vector<std::string> Plan::take_tests() {
  std::vector<std::string> ids = in_order(std::exchange(wanted_, {}));
  if (seed_) shuffle(ids, *seed_);
  return ids;
}

std::vector<std::string> Plan::in_order(std::vector<std::string> listed) const {
  if (!named_) return listed;
  std::vector<std::string> ids = *named_;
  if (!suite_order_) return ids;
  std::unordered_map<std::string_view, std::size_t> places;
  for (const std::string& id : listed) places.emplace(id, places.size());
  const auto place = [&places](const std::string& id) {
    const auto found = places.find(id);
    return found == places.end() ? SIZE_MAX : found->second;
  };
  std::ranges::stable_sort(ids, {}, place);
  return ids;
}

std::string Plan::nothing_left() const {
  if (named_ && named_->empty()) return "no test is named";
  if (listed_ == 0) return "the test server has no tests";
  return fmt::format("none of the {} tests is selected by {}{}", listed_, selection_.options(),
                     is_history_new_ ? ", and the history has no tests yet" : "");
}

std::set<WorkerNumber> Plan::replayed_workers() const {
  std::set<WorkerNumber> workers;
  if (files_.replay)
    for (const schedule::ScheduleEntry& entry : *files_.replay) workers.insert(entry.worker);
  return workers;
}

Result<std::unique_ptr<schedule::Dispatcher>> Plan::make_dispatcher(
    const std::vector<std::string>& ids, bool one_server, std::size_t channels) const {
  using Pointer = std::unique_ptr<schedule::Dispatcher>;
  if (files_.replay) {
    return schedule::Replay::create(*files_.replay, ids, isolated_)
        .map([](std::unique_ptr<schedule::Replay> replay) { return Pointer(std::move(replay)); });
  }
  if (spread_ == Spread::kOnce) return dispatcher_of_site(ids, one_server);
  using schedule::EachSite;
  const bool by_worker = spread_ == Spread::kEachWorker;
  const bool one_each = by_worker || one_server;
  return std::make_unique<EachSite>(by_worker ? EachSite::By::kSlot : EachSite::By::kChannel,
                                    ids.size(), by_worker ? 0 : channels, [this, ids, one_each] {
                                      return dispatcher_of_site(ids, one_each);
                                    });
}

std::unique_ptr<schedule::Dispatcher> Plan::dispatcher_of_site(const std::vector<std::string>& ids,
                                                               bool one_server) const {
  std::vector<std::optional<Time>> expected(ids.size());
  if (files_.history)
    for (std::size_t i = 0; i < ids.size(); ++i) expected[i] = files_.history->of(ids[i]);
  // One server runs one test at a time: no limit can be exceeded.
  if (one_server && !isolated_ && !withdrawable_)
    return std::make_unique<schedule::AllAtOnce>(std::move(expected));
  const std::vector<std::size_t> units = units_of(ids);
  std::vector<schedule::Scheduler::Test> tests;
  tests.reserve(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) tests.push_back({expected[i], units[i]});
  const schedule::Scheduler::Options options{
      .keep_order = keep_order_, .one_at_a_time = isolated_, .withdrawable = withdrawable_};
  if (limits_.empty() || one_server) return std::make_unique<schedule::Scheduler>(tests, options);
  LimitRules::Needs needs = limits_.needs(ids);
  for (std::size_t i = 0; i < ids.size(); ++i) tests[i].needs = needs.of[i];
  return std::make_unique<schedule::Scheduler>(tests, options, std::move(needs.limits));
}

/// Each test is a unit of its own, but for those with the same match.
std::vector<std::size_t> Plan::units_of(const std::vector<std::string>& ids) const {
  std::vector<std::size_t> units(ids.size());
  std::unordered_map<std::string_view, std::size_t> groups;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto match = group_ ? group_->find(ids[i]) : std::nullopt;
    units[i] = match ? groups.try_emplace(*match, i).first->second : i;
  }
  return units;
}

void Plan::record(const Packet& packet, std::optional<std::size_t> site) {
  if (!files_.history) return;
  if (!site) return files_.history->record(packet);
  const std::string route = std::to_string(*site);
  Packet there = packet;
  there.route_code = route;
  files_.history->record(there);
}

void Plan::sent(const schedule::ScheduleEntry& entry) {
  if (files_.wants_log) log_ += to_line(entry);
}

}  // namespace subunit::run
