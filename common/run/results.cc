#include "common/run/results.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/subunit/decoder.h"
#include "common/verdict/end_of_test.h"

namespace subunit::run {

namespace {

// A packet that becomes too long goes into several, each of which has all the names: a tag and
// lengths are added to each.
constexpr std::size_t kGrowth = 64;
constexpr std::size_t kMaxPieces = kMaxPacketSize / kFileChunk + 2;

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

void Results::add(const Packet& packet, std::optional<WorkerNumber> worker,
                  std::optional<std::string_view> route, Time now) {
  const bool wants_tag = tagged_ && worker && packet.status > Status::kExists;
  if (!wants_tag && packet.route_code == route) return pass_on(packet, worker, now);
  const std::size_t content = packet.file ? packet.file->content.size() : 0;
  const std::size_t pieces = packet.raw.size() < kFileChunk ? 1 : kMaxPieces;
  make_room(content + pieces * (packet.raw.size() - content + kGrowth));
  const std::size_t start = rewritten_.size();
  if (!rewrite(packet, wants_tag ? worker : std::nullopt, route))
    return pass_on(packet, worker, now);
  Packet copy = packet;
  copy.route_code = route;
  copy.raw = Bytes(rewritten_).subspan(start);
  pass_on(copy, worker, now);
}

/// What rewritten_ holds must not move before the observers have taken it.
void Results::make_room(std::size_t size) {
  if (rewritten_.capacity() - rewritten_.size() >= size) return;
  flush();
  rewritten_.reserve(std::max(kRewrittenSize, size));
}

/// After what rewritten_ holds. False, and nothing there, if it cannot be done.
bool Results::rewrite(const Packet& packet, std::optional<WorkerNumber> tag,
                      std::optional<std::string_view> route) {
  if (!tag || packet.tags.size() == kMaxTags)
    return encode_rerouted(packet, route, rewritten_).has_value();
  const std::string text = tag_of(*tag);
  std::vector<std::string_view> tags(packet.tags.begin(), packet.tags.end());
  if (std::ranges::find(tags, text) == tags.end()) tags.push_back(text);
  Fields fields = packet;
  fields.route_code = route;
  return encode_file(fields, tags, rewritten_).has_value();
}

void Results::end(std::string_view test_id, std::string_view reason,
                  std::optional<WorkerNumber> worker, Time now, Status status) {
  // Invalid text is escaped, which makes four bytes of one.
  make_room(4 * reason.size() + kMaxPieces * (2 * test_id.size() + 4 * kGrowth));
  const std::size_t start = rewritten_.size();
  std::string text;
  const Fields fields = verdict::fields_of(
      {.test_id = test_id, .reason = reason, .when = wall_clock_.at(now), .status = status}, text);
  const std::string tag = tagged_ && worker ? tag_of(*worker) : "";
  const std::string_view tags[] = {tag};
  verdict::encode_end(fields, tag.empty() ? TagList() : TagList(tags), rewritten_);
  Packet packet;
  static_cast<Fields&>(packet) = fields;
  packet.raw = Bytes(rewritten_).subspan(start);
  pass_on(packet, worker, now);
}

void Results::add_noise(Bytes packets, Time now) {
  if (packets.empty()) return;
  Decoder decoder(packets.size());
  decoder.receive(packets, Time(0));
  while (const auto event = decoder.next_event())
    add(std::get<Packet>(*event), std::nullopt, std::nullopt, now);
  flush();
}

void Results::pass_on(const Packet& packet, std::optional<WorkerNumber> worker, Time now) {
  ledger_.record(packet);
  for (Observer* const observer : observers_) observer->packet(packet, worker, now);
  running_.record(packet, worker, now);
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
