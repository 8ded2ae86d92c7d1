#include "proxy/run/plan_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/base/text.h"
#include "common/report/id_list.h"
#include "common/subunit/decoder.h"
#include "proxy/io/handle.h"
#include "proxy/posix/fd.h"
#include "proxy/posix/output_file.h"
#include "proxy/posix/read_file.h"

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
  return subunit::report::parse_ids(*text);
}

Result<std::vector<subunit::schedule::ScheduleEntry>> read_schedule(const std::string& path) {
  const auto text = read_file("the schedule", path, kMaxFile);
  if (!text) return tl::unexpected(text.error());
  auto entries = subunit::schedule::parse_schedule_log(*text);
  if (!entries) return error("cannot replay \"{}\": {}", escaped(path), entries.error().text);
  if (entries->empty()) return error("cannot replay \"{}\": the file is empty", escaped(path));
  if (std::ranges::any_of(*entries, &subunit::schedule::ScheduleEntry::is_one_of_several))
    return error(
        "cannot replay \"{}\": in the run that it is of, each test ran more than once (--each, "
        "--stress, --repeat, --until-failure)",
        escaped(path));
  return entries;
}

// The history.

constexpr std::size_t kReadSize = 1 << 20;
constexpr std::size_t kMaxHistory = 1 << 30;  // a stream of earlier runs, with what tests printed
constexpr std::size_t kMaxNoise = 16 << 20;   // before its first packet
constexpr std::size_t kMaxShown = 40;         // of what is no history

tl::unexpected<subunit::Error> cannot(const char* what, const std::string& path,
                                      const std::string& why) {
  return error("cannot {} the history \"{}\": {}", what, escaped(path), why);
}

Result<> write_durations(ReplacementFile& file, const subunit::schedule::Durations& durations) {
  subunit::schedule::DurationsWriter writer(durations, wall_clock());
  Result<> result;
  for (subunit::Buffer piece; result && writer.write(piece); piece.clear())
    result = file.write(piece);
  return result;
}

/// Takes the durations from the file; there are none if it does not exist yet. An Error if it
/// cannot be read, or if there is something in it, but no packet.
Result<> read_history(const std::string& path, subunit::schedule::Durations& durations) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT) return {};
  if (!fd) return cannot("read", path, std::strerror(errno));
  subunit::Decoder decoder;
  std::size_t packets = 0;
  std::size_t total = 0;
  std::string beginning;
  for (;;) {
    const auto room = decoder.prepare(kReadSize);
    const ssize_t size = ::read(fd.get(), room.data(), room.size());
    if (size < 0) return cannot("read", path, std::strerror(errno));
    if (size == 0) break;
    const auto read = static_cast<std::size_t>(size);
    if (beginning.empty()) beginning = escaped(room.first(read), kMaxShown);
    decoder.commit(read, subunit::Time(0));
    packets += durations.read(decoder);
    total += read;
    if (total > kMaxHistory)
      return cannot("read", path, fmt::format("it has more than {} bytes", kMaxHistory));
    if (packets == 0 && total > kMaxNoise) break;
  }
  if (packets > 0 || beginning.empty()) return {};
  return error(
      "refusing to overwrite \"{}\" with the history: it begins with \"{}\" and contains no "
      "subunit packet",
      escaped(path), beginning);
}

/// An Error if replace_history() has no place for a new file.
Result<> check_history_place(const std::string& path) {
  const auto file = ReplacementFile::create(path);
  if (!file) return cannot("write", path, file.error().text);
  return {};
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

Result<> replace_history(const std::string& path, const subunit::schedule::Durations& durations) {
  auto file = ReplacementFile::create(path);
  if (!file) return cannot("write", path, file.error().text);
  if (!*file) return {};
  auto written = write_durations(**file, durations);
  if (written) written = (*file)->commit();
  if (!written) return cannot("write", path, written.error().text);
  return {};
}

}  // namespace proxy
