#include "proxy/run/plan_files.h"

#include "common/base/escape.h"
#include "proxy/posix/read_file.h"
#include "proxy/run/history.h"

namespace proxy {

using subunit::error;
using subunit::escaped;
using subunit::Result;
using subunit::run::Plan;

namespace {

constexpr std::size_t kMaxFile = 256 << 20;  // a million tests with long names

Result<std::vector<std::string>> read_list(const std::string& path) {
  const auto text = read_file("the list", path, kMaxFile);
  if (!text) return tl::unexpected(text.error());
  std::vector<std::string> ids;
  for (std::string_view rest = *text; !rest.empty();) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) ids.emplace_back(line);
  }
  return ids;
}

Result<std::vector<subunit::schedule::ScheduleEntry>> read_schedule(const std::string& path) {
  const auto text = read_file("the schedule", path, kMaxFile);
  if (!text) return tl::unexpected(text.error());
  auto entries = subunit::schedule::parse_schedule_log(*text);
  if (!entries) return error("cannot replay \"{}\": {}", escaped(path), entries.error().text);
  if (entries->empty()) return error("cannot replay \"{}\": there is nothing in it", escaped(path));
  return entries;
}

}  // namespace

Result<Plan::Files> read_plan_files(const RunOptions& options) {
  Plan::Files files;
  files.wants_log = options.schedule_log.has_value();
  if (options.history) {
    const std::string& path = *options.history;
    if (auto read = read_history(path, files.history.emplace()); !read)
      return tl::unexpected(read.error());
    // A list changes nothing in it.
    if (const auto place = options.list ? Result<>() : check_history_place(path); !place)
      return tl::unexpected(place.error());
  }
  if (options.replay) {
    auto entries = read_schedule(*options.replay);
    if (!entries) return tl::unexpected(entries.error());
    files.replay = std::move(*entries);
  }
  if (options.load_list) {
    auto names = read_list(*options.load_list);
    if (!names) return tl::unexpected(names.error());
    files.names = std::move(*names);
  }
  return files;
}

}  // namespace proxy
