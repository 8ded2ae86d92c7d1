#include "proxy/serve/packet_batch.h"

#include <cassert>

#include "common/rpc/attachment.h"

namespace proxy {

using subunit::Packet;
using subunit::Result;

Result<> PacketBatch::add_routed(const Packet& packet, std::string_view hop) {
  unchanged_.flush();
  return changed(subunit::add_route(packet, hop, changed_));
}

Result<> PacketBatch::add_stripped(const Packet& packet) {
  unchanged_.flush();
  return changed(subunit::strip_route(packet, changed_));
}

Result<> PacketBatch::changed(Result<> result) {
  if (changed_.size() >= kFlushSize) flush_changed();
  return result;
}

void PacketBatch::flush_changed() {
  if (changed_.empty()) return;
  to_.send(changed_);
  changed_.clear();
  if (changed_.capacity() > kKeptCapacity) changed_ = {};
}

void announce(const subunit::rpc::Announcement& announcement, Writer& to_client) {
  subunit::Buffer packet;
  // What is said here is kilobytes long at most.
  [[maybe_unused]] const auto encoded = subunit::rpc::encode_attachment(
      subunit::rpc::kProxyTestId, to_json(announcement), std::nullopt, packet);
  assert(encoded);
  to_client.send(packet);
}

}  // namespace proxy
