#include "common/schedule/schedule_log.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "common/base/escape.h"

namespace subunit {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kExpected =
    R"(expected {"at":seconds,"worker":number,"tests":["id",...]})";
constexpr double kLatest = 1e9;  // seconds: three decades

/// The fields of one line, and the first thing that is wrong with them.
class Fields {
 public:
  explicit Fields(const Json& json) : json_(json) {}

  [[nodiscard]] const std::string& fault() const { return fault_; }

  Time at() {
    const Json& at = need("at", "a number of seconds since the start", [](const Json& value) {
      return value.is_number() && value.get<double>() >= 0 && value.get<double>() <= kLatest;
    });
    return fault_.empty() ? Time(std::llround(at.get<double>() * 1e9)) : Time(0);
  }

  std::size_t worker() {
    const Json& worker = need("worker", "the number of a worker", [](const Json& value) {
      return value.is_number_unsigned() && value.get<std::uint64_t>() <= kMaxLoggedWorker;
    });
    return fault_.empty() ? worker.get<std::size_t>() : 0;
  }

  std::vector<std::string> tests() {
    const Json& tests = need("tests", "a list of test ids", [](const Json& value) {
      return value.is_array() && !value.empty() && value.size() <= kMaxLoggedTests &&
             std::all_of(value.begin(), value.end(), [](const Json& id) { return id.is_string(); });
    });
    return fault_.empty() ? tests.get<std::vector<std::string>>() : std::vector<std::string>();
  }

 private:
  template <typename Good>
  const Json& need(std::string_view name, std::string_view expected, const Good& good) {
    const auto found = json_.find(name);
    if (found != json_.end() && good(*found)) return *found;
    if (fault_.empty())
      fault_ = fmt::format("\"{}\" is {}", name,
                           found == json_.end() ? "missing" : fmt::format("not {}", expected));
    return json_;
  }

  const Json& json_;
  std::string fault_;
};

Result<ScheduleEntry> parse_line(std::string_view line, std::size_t number) {
  const auto failure = [&](std::string_view fault) {
    return error("cannot read line {} of the schedule log, {}: {}, {}", number, escaped(line),
                 fault, kExpected);
  };
  const Json json = Json::parse(line, nullptr, false);
  if (json.is_discarded()) return failure("it is not JSON");
  if (!json.is_object()) return failure("it is not a JSON object");
  Fields fields(json);
  ScheduleEntry entry{.at = fields.at(), .worker = fields.worker(), .tests = fields.tests()};
  if (!fields.fault().empty()) return failure(fields.fault());
  return entry;
}

}  // namespace

std::string to_line(const ScheduleEntry& entry) {
  const auto at = std::chrono::round<std::chrono::microseconds>(entry.at);
  const Json json{{"at", static_cast<double>(at.count()) / 1e6},
                  {"worker", entry.worker},
                  {"tests", entry.tests}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
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

}  // namespace subunit
