#include "proxy/run/results.h"

#include <algorithm>

#include "common/subunit/decoder.h"
#include "common/verdict/end_of_test.h"
#include "proxy/posix/wall_clock.h"

namespace proxy {

using subunit::Packet;
using subunit::Status;

void Results::expect(const std::vector<std::string>& ids) {
  for (const std::string& id : ids) ledger_.expect(id);
  for (const auto& output : outputs_) output->expect(ids.size());
}

void Results::add(const Packet& packet, std::optional<WorkerNumber> worker,
                  std::optional<std::string_view> route) {
  const bool wants_tag = tagged_ && worker && packet.status > Status::kExists;
  if (!wants_tag && packet.route_code == route) return pass_on(packet, worker);
  // A tag and lengths are added; and a packet that becomes too long goes into several, each of
  // which has all the names.
  constexpr std::size_t kGrowth = 64;
  constexpr std::size_t kMostPieces = subunit::kMaxPacketSize / subunit::kFileChunk + 2;
  const std::size_t content = packet.file ? packet.file->content.size() : 0;
  const std::size_t pieces = packet.raw.size() < subunit::kFileChunk ? 1 : kMostPieces;
  const std::size_t most = content + pieces * (packet.raw.size() - content + kGrowth);
  if (rewritten_.capacity() - rewritten_.size() < most) {
    flush();
    rewritten_.reserve(std::max(kRewrittenSize, most));
  }
  const std::size_t start = rewritten_.size();
  if (!rewrite(packet, wants_tag ? worker : std::nullopt, route)) return pass_on(packet, worker);
  Packet copy = packet;
  copy.route_code = route;
  copy.raw = subunit::Bytes(rewritten_).subspan(start);
  pass_on(copy, worker);
}

/// Behind what rewritten_ holds. False, and nothing there, if it cannot be done.
bool Results::rewrite(const Packet& packet, std::optional<WorkerNumber> tag,
                      std::optional<std::string_view> route) {
  if (!tag || packet.tags.size() == subunit::kMaxTags)
    return encode_rerouted(packet, route, rewritten_).has_value();
  const std::string text = fmt::format("worker-{}", *tag);
  std::vector<std::string_view> tags(packet.tags.begin(), packet.tags.end());
  if (std::ranges::find(tags, text) == tags.end()) tags.push_back(text);
  subunit::Fields fields = packet;
  fields.route_code = route;
  return encode_file(fields, tags, rewritten_).has_value();
}

void Results::pass_on(const Packet& packet, std::optional<WorkerNumber> worker) {
  ledger_.record(packet);
  for (const auto& output : outputs_) output->packet(packet, worker);
}

void Results::add_own(subunit::Bytes packets, std::optional<WorkerNumber> worker) {
  if (packets.empty()) return;
  subunit::Decoder decoder(packets.size());
  decoder.receive(packets, subunit::Time(0));
  while (const auto event = decoder.next_event()) {
    const Packet& packet = std::get<Packet>(*event);
    add(packet, worker, packet.route_code);
  }
  flush();
}

void Results::fail(std::string_view test_id, std::string_view reason,
                   std::optional<WorkerNumber> worker) {
  subunit::Buffer packets;
  subunit::verdict::encode_end(test_id, std::nullopt, wall_clock(), reason, packets);
  add_own(packets, worker);
}

void Results::happened(const Incident& incident) {
  for (const auto& output : outputs_) output->happened(incident);
}

void Results::flush() {
  for (const auto& output : outputs_) output->flush();
  rewritten_.clear();
}

void Results::finish(bool completed) {
  flush();
  for (const auto& output : outputs_) output->finish(completed);
}

}  // namespace proxy
