#pragma once

#include <string_view>

#include "common/rpc/announcement.h"
#include "common/subunit/encoder.h"
#include "proxy/io/packet_reader.h"
#include "proxy/io/stream.h"

namespace proxy {

/// Packets on their way to one Writer, some of them with another route code than they came with.
/// They keep their order. One write takes as many as possible: those that change are put together
/// in one buffer, the others go out from where they are.
class PacketBatch {
 public:
  explicit PacketBatch(Writer& to) : to_(to), unchanged_(to) {}

  /// `packet` has to stay where it is until flush().
  void add(subunit::Bytes packet) {
    flush_changed();
    unchanged_.add(packet);
  }

  /// With `hop` put before its route code. An Error if the packet has no room for that; it is not
  /// sent then.
  [[nodiscard]] subunit::Result<> add_routed(const subunit::Packet& packet, std::string_view hop);

  /// Without the first hop of its route code.
  [[nodiscard]] subunit::Result<> add_stripped(const subunit::Packet& packet);

  /// Whole packets that stay where they are in this call only.
  void insert(subunit::Bytes packets) {
    if (packets.empty()) return;
    flush();
    to_.send(packets);
  }

  [[nodiscard]] bool congested() const { return to_.congested(); }

  /// To be called before anything else is written, and at the latest when the batch ends.
  void flush() {
    unchanged_.flush();
    flush_changed();
  }

 private:
  static constexpr std::size_t kFlushSize = 64 << 10;      // worth a write
  static constexpr std::size_t kKeptCapacity = 256 << 10;  // after a packet of megabytes

  subunit::Result<> changed(subunit::Result<> result);
  void flush_changed();

  Writer& to_;
  PacketRun unchanged_;
  subunit::Buffer changed_;
};

/// Says something of the proxy's own to the client.
void announce(const subunit::rpc::Announcement& announcement, Writer& to_client);

}  // namespace proxy
