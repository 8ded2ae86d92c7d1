#include "common/report/trace.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/base/json.h"
#include "common/base/text.h"
#include "common/run/tags.h"

namespace subunit::report {

namespace {

constexpr int kProcess = 1;
// Perfetto has a meaning of its own for thread 0, and takes thread 1 of process 1 as its main one.
constexpr int kRunRow = 1;
constexpr int kFirstServerRow = 2;
constexpr int kRowsBetweenLanes = 1'000'000;  // more than there are servers

constexpr std::size_t kMaxShownText = 2000;  // of what a test printed, or of a reason: a page

/// As a JSON string, cut; bytes that are not UTF-8 are shown.
std::string json_head(std::string_view text) {
  const Bytes head = as_bytes(text.substr(0, kMaxShownText));
  const Utf8Scan scan = scan_utf8(head);
  const bool is_utf8 = scan.valid == head.size() || (scan.cut && head.size() < text.size());
  std::string shown(is_utf8 ? text.substr(0, scan.valid) : escaped(head, SIZE_MAX));
  if (head.size() < text.size()) shown += fmt::format("… ({} bytes)", text.size());
  return json_text(shown);
}

/// In microseconds, the format's unit.
std::string microseconds(Time time) {
  return fmt::format("{}.{:03}", time.count() / 1000, time.count() % 1000);
}

constexpr std::string_view kUnfinished = "unfinished";

std::string_view name_of(run::Incident::Kind kind) {
  switch (kind) {
    case run::Incident::Kind::kAttached:
      return "server attached";
    case run::Incident::Kind::kGone:
      return "server lost";
    case run::Incident::Kind::kSlow:
      return "slow";
    case run::Incident::Kind::kTrouble:
    case run::Incident::Kind::kError:
    case run::Incident::Kind::kNotice:
    case run::Incident::Kind::kNote:
      return "trouble";
  }
  return "";
}

/// What a process wrote, as opposed to what a test attached.
bool is_printed(std::string_view file_name) {
  return file_name.starts_with("stdout") || file_name.starts_with("stderr") ||
         file_name.starts_with("channel");
}

std::string tags_of(const Packet& packet) {
  std::string out;
  for (const std::string_view tag : packet.tags) {
    if (!out.empty()) out += ',';
    out += json_text(tag);
  }
  return out;
}

}  // namespace

Time RemoteClock::when(Timestamp timestamp, Time arrival) {
  const Time theirs =
      std::chrono::seconds(timestamp.seconds) + std::chrono::nanoseconds(timestamp.nanoseconds);
  const Time difference = arrival - theirs;
  if (!ahead_ || difference < *ahead_ || difference > *ahead_ + kMaxDelay) ahead_ = difference;
  return theirs + *ahead_;
}

// The trace.

Trace::Trace(std::string_view process_name, Time start) : start_(start), text_("[") {
  write_name("process_name", kRunRow, process_name);
}

void Trace::packet(const Packet& packet, std::optional<run::WorkerNumber> worker, Time now) {
  now -= start_;
  const Time when = packet.timestamp
                        ? std::max(servers_[worker].clock.when(*packet.timestamp, now), Time(0))
                        : now;
  if (packet.file && is_printed(packet.file->name)) {
    const std::string_view content = as_text(packet.file->content);
    if (!content.empty()) {
      write_mark(packet.file->name, "output", worker, when,
                 fmt::format(R"("text":{})", json_head(content)));
    }
  }
  if (!packet.test_id) return;
  if (packet.status == Status::kInProgress) start_test(packet, worker, when);
  if (is_final(packet.status)) end_test(packet, worker, when);
}

void Trace::start_test(const Packet& packet, std::optional<run::WorkerNumber> worker, Time when) {
  std::size_t free = kMaxLanes;
  const std::vector<Lane>& lanes = servers_[worker].lanes;
  for (std::size_t i = lanes.size(); i-- > 0;) {
    if (!lanes[i].open) {
      free = i;
    } else if (lanes[i].open->test_id == *packet.test_id) {
      return;  // it is in progress already
    }
  }
  free = std::min(free, lanes.size());
  if (free == kMaxLanes) return;
  Lane& lane = lane_of(worker, free);
  const Time begin = std::max(when, lane.free_at);
  lane.open = {.test_id = std::string(*packet.test_id),
               .row = row_of(worker, free),
               .begin = begin,
               .end = begin};
}

void Trace::end_test(const Packet& packet, std::optional<run::WorkerNumber> worker, Time when) {
  // At one of several sites: others run the test with that id.
  if (!worker && packet.route_code && run::has_tag(packet, run::kNotRunTag)) return;
  std::optional<Box> box = take_box(*packet.test_id, worker, when);
  if (!box) {
    if (!worker) return;  // it never began
    Lane& lane = lane_of(worker, 0);
    lane.free_at = std::max(lane.free_at, when);
    box = {.test_id = std::string(*packet.test_id),
           .row = row_of(worker, 0),
           .begin = lane.free_at,
           .end = lane.free_at};
  }
  std::string more;
  if (packet.tags.size() > 0) more += fmt::format(R"(,"tags":[{}])", tags_of(packet));
  // Whoever ends a test on behalf of its server says why in the same packet.
  if (packet.file) more += fmt::format(R"(,"reason":{})", json_head(as_text(packet.file->content)));
  write_box(*box, name_of(packet.status), more);
}

/// The box of a test that has ended; nothing if it never began.
std::optional<Trace::Box> Trace::take_box(std::string_view test_id,
                                          std::optional<run::WorkerNumber> worker, Time end) {
  for (auto& [number, server] : servers_) {
    if (worker && number != worker) continue;
    for (Lane& lane : server.lanes) {
      if (!lane.open || lane.open->test_id != test_id) continue;
      Box box = *std::exchange(lane.open, std::nullopt);
      lane.free_at = box.end = std::max(end, box.begin);
      return box;
    }
  }
  const auto orphan = std::ranges::find(orphans_, test_id, &Box::test_id);
  if (orphan == orphans_.end()) return std::nullopt;
  Box box = *orphan;
  orphans_.erase(orphan);
  return box;
}

void Trace::happened(const run::Incident& incident, Time now) {
  if (incident.kind == run::Incident::Kind::kNote) return;
  now -= start_;
  std::string arguments = fmt::format(R"("text":{})", json_head(incident.text));
  if (!incident.test_id.empty())
    arguments += fmt::format(R"(,"test":{})", json_text(incident.test_id));
  write_mark(name_of(incident.kind), "run", incident.worker, now, arguments);
  if (incident.kind == run::Incident::Kind::kGone && incident.worker)
    orphan_tests(servers_[incident.worker], now);
}

/// What the server was running ends here, whenever somebody says so.
void Trace::orphan_tests(Server& server, Time now) {
  for (Lane& lane : server.lanes) {
    if (!lane.open) continue;
    Box box = *std::exchange(lane.open, std::nullopt);
    lane.free_at = box.end = std::max(now, box.begin);
    if (orphans_.size() < kMaxOrphans) {
      orphans_.push_back(std::move(box));
    } else {
      write_box(box, kUnfinished, "");
    }
  }
}

void Trace::finish(bool, Time now) {
  now -= start_;
  for (auto& [_, server] : servers_) orphan_tests(server, now);
  for (const Box& box : orphans_) write_box(box, kUnfinished, "");
  orphans_.clear();
  text_ += "\n]\n";
}

// Rows.

int Trace::row_of(std::optional<run::WorkerNumber> worker, std::size_t lane) {
  const int first = worker ? kFirstServerRow + static_cast<int>(*worker) : kRunRow;
  return first + static_cast<int>(lane) * kRowsBetweenLanes;
}

Trace::Lane& Trace::lane_of(std::optional<run::WorkerNumber> worker, std::size_t number) {
  std::vector<Lane>& lanes = servers_[worker].lanes;
  while (lanes.size() <= number) {
    std::string name = worker ? fmt::format("worker-{}", *worker) : "run";
    if (!lanes.empty()) name += fmt::format(" ({})", lanes.size() + 1);
    write_name("thread_name", row_of(worker, lanes.size()), name);
    lanes.emplace_back();
  }
  return lanes[number];
}

// Events.

void Trace::write_name(std::string_view kind, int row, std::string_view name) {
  write_event(fmt::format(R"("ph":"M","name":"{}","pid":{},"tid":{},"args":{{"name":{}}})", kind,
                          kProcess, row, json_text(name)));
}

void Trace::write_box(const Box& box, std::string_view status, std::string_view more) {
  write_event(fmt::format(
      R"("ph":"X","name":{},"cat":"{}","pid":{},"tid":{},"ts":{},"dur":{},"args":{{"status":"{}"{}}})",
      json_text(box.test_id), status, kProcess, box.row, microseconds(box.begin),
      microseconds(box.end - box.begin), status, more));
}

void Trace::write_mark(std::string_view name, std::string_view category,
                       std::optional<run::WorkerNumber> worker, Time when,
                       std::string_view arguments) {
  lane_of(worker, 0);
  write_event(fmt::format(
      R"("ph":"i","s":"t","name":{},"cat":"{}","pid":{},"tid":{},"ts":{},"args":{{{}}})",
      json_text(name), category, kProcess, row_of(worker, 0), microseconds(when), arguments));
}

void Trace::write_event(std::string_view event) {
  text_ += first_ ? "\n{" : ",\n{";
  first_ = false;
  text_ += event;
  text_ += '}';
}

}  // namespace subunit::report
