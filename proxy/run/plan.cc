#include "proxy/run/plan.h"

#include <cerrno>
#include <cstring>
#include <unordered_map>

#include "common/base/escape.h"
#include "common/schedule/all_at_once.h"
#include "common/schedule/replay.h"
#include "common/schedule/scheduler.h"
#include "proxy/posix/read_file.h"
#include "proxy/run/history.h"
#include "proxy/run/selection.h"

namespace proxy {

using subunit::error;
using subunit::escaped;
using subunit::Result;
using subunit::Time;

namespace {

constexpr std::size_t kMaxSchedule = 256 << 20;  // a million tests with long names

}  // namespace

Result<Plan> Plan::from(const RunOptions& options) {
  Plan plan(options);
  if (options.group) {
    auto group = subunit::Regex::create("--group", *options.group);
    if (!group) return tl::unexpected(group.error());
    plan.group_ = std::move(*group);
  }
  if (auto read = plan.read_history(); !read) return tl::unexpected(read.error());
  if (auto read = plan.read_schedule(); !read) return tl::unexpected(read.error());
  if (options.schedule_log) {
    plan.log_.open(*options.schedule_log);
    if (!plan.log_)
      return error("cannot write the schedule log \"{}\": {}", escaped(*options.schedule_log),
                   std::strerror(errno));
  }
  return plan;
}

Result<> Plan::read_history() {
  if (!options_->history) return {};
  const std::string& path = *options_->history;
  if (auto read = proxy::read_history(path, durations_); !read || options_->list) return read;
  return check_history_place(path);
}

Result<> Plan::read_schedule() {
  if (!options_->replay) return {};
  const auto text = read_file("the schedule", *options_->replay, kMaxSchedule);
  if (!text) return tl::unexpected(text.error());
  auto entries = subunit::schedule::parse_schedule_log(*text);
  if (!entries)
    return error("cannot replay \"{}\": {}", escaped(*options_->replay), entries.error().text);
  if (entries->empty())
    return error("cannot replay \"{}\": there is nothing in it", escaped(*options_->replay));
  schedule_ = std::move(*entries);
  return {};
}

subunit::rpc::TestIds Plan::replayed_tests() const {
  if (!options_->replay) return std::nullopt;
  std::vector<std::string> ids;
  for (const subunit::schedule::ScheduleEntry& entry : schedule_)
    ids.insert(ids.end(), entry.tests.begin(), entry.tests.end());
  return unique(std::move(ids));
}

std::set<WorkerNumber> Plan::replayed_workers() const {
  std::set<WorkerNumber> workers;
  for (const subunit::schedule::ScheduleEntry& entry : schedule_) workers.insert(entry.worker);
  return workers;
}

Result<std::unique_ptr<subunit::schedule::Dispatcher>> Plan::make_dispatcher(
    const std::vector<std::string>& ids, bool one_server) const {
  using Pointer = std::unique_ptr<subunit::schedule::Dispatcher>;
  if (options_->replay) {
    return subunit::schedule::Replay::create(schedule_, ids, options_->isolated)
        .map([](std::unique_ptr<subunit::schedule::Replay> replay) {
          return Pointer(std::move(replay));
        });
  }
  std::vector<std::optional<Time>> expected;
  expected.reserve(ids.size());
  for (const std::string& id : ids) expected.push_back(durations_.of(id));
  if (one_server && !options_->isolated)
    return std::make_unique<subunit::schedule::AllAtOnce>(std::move(expected));
  const std::vector<std::size_t> units = units_of(ids);
  std::vector<subunit::schedule::Scheduler::Test> tests;
  tests.reserve(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) tests.push_back({expected[i], units[i]});
  return std::make_unique<subunit::schedule::Scheduler>(
      tests, subunit::schedule::Scheduler::Options{.keep_order = options_->keep_order,
                                                   .one_at_a_time = options_->isolated});
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
  if (options_->schedule_log) log_ << to_line(subunit::schedule::ScheduleEntry{at, worker, ids});
}

Result<> Plan::save() {
  if (options_->schedule_log && !log_.flush())
    return error("cannot write the schedule log \"{}\": {}", escaped(*options_->schedule_log),
                 std::strerror(errno));
  if (!options_->history || options_->list) return {};
  return replace_history(*options_->history, durations_);
}

}  // namespace proxy
