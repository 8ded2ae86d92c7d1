#include "common/run/plan.h"

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "common/base/text.h"
#include "common/schedule/all_at_once.h"
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
  Plan plan(std::move(files));
  plan.suite_order_ = options.suite_order;
  plan.keep_order_ = options.keep_order;
  plan.isolated_ = options.isolated;
  if (options.group) {
    auto group = Regex::create("--group", *options.group);
    if (!group) return tl::unexpected(group.error());
    plan.group_ = std::move(*group);
  }
  for (const std::string& expression : options.match) {
    auto compiled = Regex::create("--match", expression);
    if (!compiled) return tl::unexpected(compiled.error());
    plan.expressions_.push_back(std::move(*compiled));
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
  const std::size_t named = ids.size();
  std::erase_if(ids, [this](const std::string& id) { return !matches(id); });
  if (ids.empty() && named > 0)
    return error("none of the {} requested tests matches --match: nothing to run", named);
  named_ = unique(std::move(ids));
  return {};
}

void Plan::start_list() {
  wanted_.clear();
  listed_ = 0;
}

bool Plan::add_listed(std::string_view id) {
  ++listed_;
  const bool is_wanted = matches(id);
  if (is_wanted) wanted_.emplace_back(id);
  return is_wanted;
}

std::vector<std::string> Plan::take_tests() {
  std::vector<std::string> listed = std::exchange(wanted_, {});
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

bool Plan::matches(std::string_view id) const {
  if (expressions_.empty()) return true;
  return std::ranges::any_of(
      expressions_, [id](const Regex& expression) { return expression.find(id).has_value(); });
}

std::set<WorkerNumber> Plan::replayed_workers() const {
  std::set<WorkerNumber> workers;
  if (files_.replay)
    for (const schedule::ScheduleEntry& entry : *files_.replay) workers.insert(entry.worker);
  return workers;
}

Result<std::unique_ptr<schedule::Dispatcher>> Plan::make_dispatcher(
    const std::vector<std::string>& ids, bool one_server) const {
  using Pointer = std::unique_ptr<schedule::Dispatcher>;
  if (files_.replay) {
    return schedule::Replay::create(*files_.replay, ids, isolated_)
        .map([](std::unique_ptr<schedule::Replay> replay) { return Pointer(std::move(replay)); });
  }
  std::vector<std::optional<Time>> expected(ids.size());
  if (files_.history)
    for (std::size_t i = 0; i < ids.size(); ++i) expected[i] = files_.history->of(ids[i]);
  if (one_server && !isolated_) return std::make_unique<schedule::AllAtOnce>(std::move(expected));
  const std::vector<std::size_t> units = units_of(ids);
  std::vector<schedule::Scheduler::Test> tests;
  tests.reserve(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) tests.push_back({expected[i], units[i]});
  return std::make_unique<schedule::Scheduler>(
      tests, schedule::Scheduler::Options{.keep_order = keep_order_, .one_at_a_time = isolated_});
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

void Plan::sent(Time at, WorkerNumber worker, const std::vector<std::string>& ids) {
  if (files_.wants_log) log_ += to_line(schedule::ScheduleEntry{at, worker, ids});
}

}  // namespace subunit::run
