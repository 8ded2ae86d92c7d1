#include "common/schedule/replay.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "common/base/json.h"
#include "common/base/text.h"

namespace subunit::schedule {

namespace {

constexpr std::string_view kExpected =
    R"(expected {"at":seconds,"worker":number,"tests":["id",...]})";
constexpr double kLatest = 1e9;  // seconds: three decades

/// The fields of one line, and the first thing that is wrong with them.
class Fields {
 public:
  explicit Fields(const JsonValue& json) : json_(json) {}

  [[nodiscard]] const std::string& fault() const { return fault_; }

  Time at() {
    const auto seconds = [](const JsonValue& value) -> std::optional<double> {
      const auto number = value.number();
      return number && *number >= 0 && *number <= kLatest ? number : std::nullopt;
    };
    return Time(
        std::llround(need<double>("at", "a number of seconds since the start", seconds) * 1e9));
  }

  std::size_t worker() {
    const auto number = [](const JsonValue& value) { return number_of(value, kMaxLoggedWorker); };
    return need<std::size_t>("worker", "the number of a worker", number);
  }

  /// Nothing if it is not there.
  std::optional<std::size_t> number(std::string_view name) {
    if (!json_.find(name)) return std::nullopt;
    const auto number = [](const JsonValue& value) {
      return number_of(value, std::numeric_limits<std::int64_t>::max());
    };
    return need<std::size_t>(name, "a number", number);
  }

  std::vector<std::string> tests() {
    return need<std::vector<std::string>>("tests", "a list of test ids", ids);
  }

 private:
  static std::optional<std::size_t> number_of(const JsonValue& value, std::int64_t most) {
    const auto* integer = value.get<std::int64_t>();
    if (!integer || *integer < 0 || *integer > most) return std::nullopt;
    return static_cast<std::size_t>(*integer);
  }

  static std::optional<std::vector<std::string>> ids(const JsonValue& value) {
    const auto* list = value.get<JsonValue::List>();
    if (!list || list->empty() || list->size() > kMaxLoggedTests) return std::nullopt;
    std::vector<std::string> ids;
    for (const JsonValue& each : *list) {
      const auto* id = each.get<std::string>();
      if (!id) return std::nullopt;
      ids.push_back(*id);
    }
    return ids;
  }

  template <typename T, typename Read>
  T need(std::string_view name, std::string_view expected, const Read& read) {
    const JsonValue* field = json_.find(name);
    std::optional<T> value = field ? read(*field) : std::nullopt;
    if (!value && fault_.empty())
      fault_ = field ? fmt::format("\"{}\" is not {}", name, expected)
                     : fmt::format("\"{}\" is missing", name);
    return std::move(value).value_or(T());
  }

  const JsonValue& json_;
  std::string fault_;
};

Result<ScheduleEntry> parse_line(std::string_view line, std::size_t number) {
  const auto failure = [&](std::string_view fault) {
    return error("cannot read line {} of the schedule log, {}: {}, {}", number, escaped(line),
                 fault, kExpected);
  };
  const auto json = parse_json(line);
  if (!json) return failure(json.error().text);
  if (!json->get<JsonValue::Object>()) return failure("it is not a JSON object");
  Fields fields(*json);
  ScheduleEntry entry{.at = fields.at(),
                      .worker = fields.worker(),
                      .tests = fields.tests(),
                      .site = fields.number("site"),
                      .round = fields.number("round")};
  if (!fields.fault().empty()) return failure(fields.fault());
  return entry;
}

}  // namespace

std::string to_line(const ScheduleEntry& entry) {
  const auto at = std::chrono::round<std::chrono::microseconds>(entry.at);
  return JsonObject()
             .add("at", static_cast<double>(at.count()) / 1e6)
             .add("worker", entry.worker)
             .add("tests", entry.tests)
             .add("site", entry.site)
             .add("round", entry.round)
             .text() +
         "\n";
}

Result<std::vector<ScheduleEntry>> parse_schedule_log(std::string_view text) {
  std::vector<ScheduleEntry> entries;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    auto entry = parse_line(line, number);
    if (!entry) return tl::unexpected(entry.error());
    entries.push_back(*std::move(entry));
  }
  return entries;
}

Result<std::unique_ptr<Replay>> Replay::create(const std::vector<ScheduleEntry>& log,
                                               std::span<const std::string> ids,
                                               bool one_at_a_time) {
  std::unordered_map<std::string_view, std::size_t> indexes;
  for (std::size_t i = 0; i < ids.size(); ++i) indexes.emplace(ids[i], i);

  std::unique_ptr<Replay> replay(new Replay);
  replay->one_at_a_time_ = one_at_a_time;
  replay->tests_.resize(ids.size());
  Line line = 0;
  for (const ScheduleEntry& logged : log) {
    Entry entry{.line = line++, .tests = {}};
    for (const std::string& id : logged.tests) {
      const auto found = indexes.find(id);
      if (found == indexes.end())
        return error(
            "cannot replay the schedule: test \"{}\", which worker {} ran, no longer exists",
            escaped(id), logged.worker);
      Test& test = replay->tests_[found->second];
      if (test.state == State::kUnnamed) ++replay->waiting_;
      test.state = State::kWaiting;
      test.lines.push_back(*entry.line);
      entry.tests.push_back(found->second);
    }
    replay->to_come_[logged.worker].push_back(std::move(entry));
  }
  replay->unfinished_ = replay->waiting_;
  return replay;
}

std::vector<std::size_t> Replay::slots() const {
  std::vector<std::size_t> slots;
  for (const auto& [slot, entries] : to_come_) slots.push_back(slot);
  return slots;
}

Replay::Worker Replay::add(Place place, Time) {
  servers_.emplace(next_worker_, Server{.slot = place.slot});
  return next_worker_++;
}

void Replay::remove(Worker worker, Time) {
  const auto server = servers_.find(worker);
  Entry lost;
  for (const std::size_t index : server->second.had) {
    Test& test = tests_[index];
    if (test.state != State::kSent || test.worker != worker) continue;
    test.state = State::kWaiting;
    ++waiting_;
    if (test.lines.empty()) lost.tests.push_back(index);
  }
  if (!lost.tests.empty()) to_come_[server->second.slot].push_front(std::move(lost));
  servers_.erase(server);
}

void Replay::finished(Worker worker, std::size_t index, Time) {
  Test& test = tests_[index];
  if (test.state != State::kSent || test.worker != worker) return;
  test.state = State::kFinished;
  --unfinished_;
  --servers_.at(worker).unfinished;
}

Replay::Batch Replay::next(Worker worker, Time) {
  Server& server = servers_.at(worker);
  Batch batch;
  if (server.unfinished > (one_at_a_time_ ? 0 : 1)) return batch;
  std::deque<Entry>& entries = to_come_[server.slot];
  while (batch.empty() && !entries.empty()) {
    batch = take(entries.front());
    entries.pop_front();
  }
  for (const std::size_t index : batch) {
    tests_[index].state = State::kSent;
    tests_[index].worker = worker;
  }
  waiting_ -= batch.size();
  server.unfinished += batch.size();
  server.had.insert(server.had.end(), batch.begin(), batch.end());
  return batch;
}

/// The tests of `entry` whose turn it is there.
Replay::Batch Replay::take(const Entry& entry) {
  Batch batch;
  for (const std::size_t index : entry.tests) {
    Test& test = tests_[index];
    if (!entry.line) {
      batch.push_back(index);
      continue;
    }
    const auto line = std::find(test.lines.begin(), test.lines.end(), *entry.line);
    if (line == test.lines.end()) continue;  // named twice in one line
    if (test.state == State::kWaiting && line == test.lines.begin()) batch.push_back(index);
    test.lines.erase(line);
  }
  return batch;
}

}  // namespace subunit::schedule
