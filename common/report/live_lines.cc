#include "common/report/live_lines.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/base/text.h"

namespace subunit::report {
namespace {

/// The stream that a file is a piece of: "stdout" or "stderr", whatever the attempt and the
/// encoding; "" if it is none.
std::string_view stream_of(std::string_view file) {
  if (const std::size_t slash = file.rfind('/'); slash != file.npos && file.starts_with("attempt-"))
    file.remove_prefix(slash + 1);
  for (const std::string_view name : {"stdout", "stderr"})
    if (file == name || (file.starts_with(name) && file.substr(name.size()) == ".raw")) return name;
  return "";
}

}  // namespace

std::string LiveLines::packet(const Packet& packet, std::optional<run::WorkerNumber> worker) {
  std::string shown;
  const Source source{worker, packet.test_id.value_or("")};
  const std::string_view name = packet.file ? stream_of(packet.file->name) : "";
  if (!name.empty()) {
    const auto found = open_.find(source);
    Streams none;
    const bool is_full = found == open_.end() && open_.size() == kMaxStreams;
    Streams& streams = found != open_.end() ? found->second : is_full ? none : open_[source];
    add(source, streams, name, as_text(packet.file->content), shown);
    for (const auto& [_, rest] : none)
      if (!rest.empty()) show(source, rest, shown);
  }
  if (packet.test_id && is_final(packet.status)) shown += end(source);
  return shown;
}

void LiveLines::add(const Source& source, Streams& streams, std::string_view name,
                    std::string_view text, std::string& shown) const {
  std::string& rest = streams[std::string(name)];
  rest += text;
  std::string_view left = rest;
  for (;;) {
    const std::size_t end = left.find('\n');
    if (end == left.npos && left.size() <= kMaxLine) break;
    std::size_t size = std::min(end, kMaxLine);
    // Not within a character.
    while (size > kMaxLine - 3 && size < left.size() && (left[size] & 0xC0) == 0x80) --size;
    show(source, left.substr(0, size), shown);
    left.remove_prefix(size == end ? size + 1 : size);
  }
  rest.erase(0, rest.size() - left.size());
}

void LiveLines::show(const Source& source, std::string_view line, std::string& shown) const {
  if (line.ends_with('\r')) line.remove_suffix(1);
  const auto& [worker, test] = source;
  const std::string from = !test.empty() ? cells_.fit_end(test, kMaxShownId).text
                           : worker      ? fmt::format("worker-{}", *worker)
                                         : "channel";
  const std::string where = where_ && !test.empty() ? where_(worker) : "";
  shown += fmt::format("{}{}{}: {}\n", where, where.empty() ? "" : " ", from, harmless(line));
}

std::string LiveLines::end(const Source& source) {
  std::string shown;
  const auto found = open_.find(source);
  if (found == open_.end()) return shown;
  for (const auto& [_, rest] : found->second)
    if (!rest.empty()) show(source, rest, shown);
  open_.erase(found);
  return shown;
}

std::string LiveLines::attempted(std::string_view test_id,
                                 std::optional<run::WorkerNumber> worker) {
  return end({worker, std::string(test_id)});
}

std::string LiveLines::finish() {
  std::string shown;
  while (!open_.empty()) shown += end(Source(open_.begin()->first));
  return shown;
}

}  // namespace subunit::report
