#include "common/run/results.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/run/tags.h"
#include "common/subunit/decoder.h"
#include "common/verdict/end_of_test.h"

namespace subunit::run {

namespace {

// A packet that becomes too long goes into several, each of which has all the names: tags and
// lengths are added to each.
constexpr std::size_t kGrowth = 96;
constexpr std::size_t kMaxPieces = kMaxPacketSize / kFileChunk + 2;

std::string attempt_name(int attempt, std::string_view name) {
  return fmt::format("attempt-{}/{}", attempt, name);
}

/// "": none.
std::string route_of(std::optional<std::string_view> route, std::optional<std::size_t> site) {
  if (!site) return std::string(route.value_or(""));
  return route ? fmt::format("{}/{}", *site, *route) : std::to_string(*site);
}

std::string tag_of(WorkerNumber worker) {
  return fmt::format("worker-{}", worker);
}

}  // namespace

void WallClock::set(Timestamp wall, Time now) {
  ahead_ = std::chrono::seconds(wall.seconds) + Time(wall.nanoseconds) - now;
}

Timestamp WallClock::at(Time now) const {
  const Time wall = now + ahead_;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(wall);
  return {.seconds = static_cast<std::uint32_t>(seconds.count()),
          .nanoseconds = static_cast<std::uint32_t>((wall - seconds).count())};
}

void Results::expect(const std::vector<std::string>& ids) {
  for (const std::string& id : ids) ledger_.expect(id);
  for (Observer* const observer : observers_) observer->expect(ids.size());
}

void Results::add(const Packet& packet, std::optional<WorkerNumber> worker, const Shape& shape,
                  Time now) {
  const bool has_status = packet.status > Status::kExists && !shape.without_status;
  if (has_status) count(shape.tag);
  added_tags_.clear();
  if (has_status) add_tags(worker, shape.site, shape.tag);
  const bool is_first = shape.attempt == 1 && !shape.without_status;
  if (added_tags_.empty() && is_first && !shape.site && packet.route_code == shape.route)
    return pass_on(packet, worker, shape.site, now);
  const std::size_t content = packet.file ? packet.file->content.size() : 0;
  const std::size_t pieces = packet.raw.size() < kFileChunk ? 1 : kMaxPieces;
  make_room(content + pieces * (packet.raw.size() - content + kGrowth));
  const std::size_t start = rewritten_.size();
  if (!rewrite(packet, shape)) return pass_on(packet, worker, shape.site, now);
  // Observers look at these tags, but not at that of the worker, which they know.
  if (!shape.tag.empty() || !is_first || shape.site || round_ > 0)
    return pass_on_written(start, worker, shape.site, now);
  Packet copy = packet;
  copy.route_code = shape.route;
  copy.raw = Bytes(rewritten_).subspan(start);
  pass_on(copy, worker, shape.site, now);
}

/// What rewritten_ holds must not move before the observers have taken it.
void Results::make_room(std::size_t size) {
  if (rewritten_.capacity() - rewritten_.size() >= size) return;
  flush();
  rewritten_.reserve(std::max(kRewrittenSize, size));
}

void Results::add_tags(std::optional<WorkerNumber> worker, std::optional<std::size_t> site,
                       std::string_view tag) {
  if (!tag.empty()) added_tags_.emplace_back(tag);
  if (tagged_ && worker) added_tags_.push_back(tag_of(*worker));
  if (channels_tagged_ && site)
    added_tags_.push_back(fmt::format("{}{}", kChannelTagPrefix, *site));
  if (round_ > 0) added_tags_.push_back(fmt::format("{}{}", kRoundTagPrefix, round_));
}

/// After what rewritten_ holds. False, and nothing there, if it cannot be done.
bool Results::rewrite(const Packet& packet, const Shape& shape) {
  const bool is_first = shape.attempt == 1 && !shape.without_status;
  const std::string at_site = route_of(shape.route, shape.site);
  const auto route = shape.site ? std::optional(std::string_view(at_site)) : shape.route;
  if (is_first && (added_tags_.empty() || packet.tags.size() + added_tags_.size() > kMaxTags))
    return encode_rerouted(packet, route, rewritten_).has_value();
  all_tags_.assign(packet.tags.begin(), packet.tags.end());
  for (const std::string& tag : added_tags_)
    if (std::ranges::find(all_tags_, tag) == all_tags_.end()) all_tags_.push_back(tag);
  Fields fields = packet;
  fields.route_code = route;
  if (shape.without_status) fields.status = Status::kNone;
  std::string name;
  if (fields.file && shape.attempt > 1) {
    name = attempt_name(shape.attempt, fields.file->name);
    fields.file->name = name;
  }
  return encode_file(fields, all_tags_, rewritten_).has_value();
}

void Results::end(const End& end, std::optional<WorkerNumber> worker, Time now) {
  // Invalid text is escaped, which makes four bytes of one.
  make_room(4 * end.reason.size() + kMaxPieces * (2 * end.test_id.size() + 4 * kGrowth));
  const std::size_t start = rewritten_.size();
  std::string text;
  Fields fields = verdict::fields_of({.test_id = end.test_id,
                                      .reason = end.reason,
                                      .when = wall_clock_.at(now),
                                      .status = end.status},
                                     text);
  added_tags_.clear();
  add_tags(worker, end.site, end.without_status ? "" : end.tag);
  const std::string route = route_of(std::nullopt, end.site);
  if (end.site) fields.route_code = route;
  if (!end.without_status) count(end.tag);
  all_tags_.assign(added_tags_.begin(), added_tags_.end());
  const std::string name = attempt_name(end.attempt, fields.file->name);
  if (end.attempt > 1) fields.file->name = name;
  if (end.without_status) fields.status = Status::kNone;
  verdict::encode_end(fields, all_tags_, rewritten_);
  pass_on_written(start, worker, end.site, now);
}

void Results::count(std::string_view tag) {
  tally_.flaky += tag == kFlakyTag;
  tally_.crashed += tag == kCrashedTag;
  tally_.timed_out += tag == kTimedOutTag;
  tally_.not_run += tag == kNotRunTag;
}

void Results::attach(std::string_view test_id, std::string_view name, std::string_view text,
                     std::optional<WorkerNumber> worker, Time now) {
  make_room(text.size() + test_id.size() + name.size() + kGrowth);
  const std::size_t start = rewritten_.size();
  if (encode_file({.test_id = test_id,
                   .mime_type = "text/plain;charset=utf8",
                   .file = File{name, as_bytes(text)},
                   .eof = true},
                  {}, rewritten_))
    pass_on_written(start, worker, std::nullopt, now);
}

void Results::attempted(const Attempt& attempt) {
  if (attempt.worker) running_.end(attempt.test_id, *attempt.worker);
  for (Observer* const observer : observers_) observer->attempted(attempt);
}

/// What rewritten_ holds from `start` on, as observers see packets: with tags. Mostly it is one.
void Results::pass_on_written(std::size_t start, std::optional<WorkerNumber> worker,
                              std::optional<std::size_t> site, Time now) {
  const Bytes written = Bytes(rewritten_).subspan(start);
  if (const auto packet = parse_packet(written)) return pass_on(*packet, worker, site, now);
  Decoder decoder(written.size());
  decoder.receive(written, Time(0));
  while (const auto event = decoder.next_event())
    pass_on(std::get<Packet>(*event), worker, site, now);
  flush();
}

void Results::add_noise(Bytes packets, Time now) {
  if (packets.empty()) return;
  Decoder decoder(packets.size());
  decoder.receive(packets, Time(0));
  while (const auto event = decoder.next_event())
    add(std::get<Packet>(*event), std::nullopt, {}, now);
  flush();
}

void Results::pass_on(const Packet& packet, std::optional<WorkerNumber> worker,
                      std::optional<std::size_t> site, Time now) {
  ledger_.record(packet);
  for (Observer* const observer : observers_) observer->packet(packet, worker, now);
  if (site && packet.test_id) record_at(*site, packet, worker);
  // What ends at a site without a server runs nowhere: others run the test with that id.
  if (worker || !site) running_.record(packet, worker, now);
}

void Results::record_at(std::size_t site, const Packet& packet,
                        std::optional<WorkerNumber> worker) {
  if (is_final(packet.status)) {
    auto& tests = running_at_[site];
    if (const auto found = tests.find(*packet.test_id); found != tests.end()) tests.erase(found);
  } else if (packet.status == Status::kInProgress && worker) {
    running_at_[site].insert_or_assign(std::string(*packet.test_id), *worker);
  }
}

std::optional<WorkerNumber> Results::running_at(std::size_t site, std::string_view test_id) const {
  const auto tests = running_at_.find(site);
  if (tests == running_at_.end()) return std::nullopt;
  const auto found = tests->second.find(test_id);
  return found == tests->second.end() ? std::nullopt : std::optional(found->second);
}

void Results::happened(const Incident& incident, Time now) {
  for (Observer* const observer : observers_) observer->happened(incident, now);
}

void Results::flush() {
  for (Observer* const observer : observers_) observer->flush();
  rewritten_.clear();
}

void Results::finish(bool completed, Time now) {
  flush();
  for (Observer* const observer : observers_) observer->finish(completed, now);
}

}  // namespace subunit::run
