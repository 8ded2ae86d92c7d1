#include "proxy/serve/packet_batch.h"

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

}  // namespace proxy
