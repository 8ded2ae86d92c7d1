#include "common/subunit/packet.h"

#include "common/subunit/inspect.h"

namespace subunit {

std::string_view Tags::Iterator::operator*() const {
  const Number size = *load_number(at_, 4);
  return {reinterpret_cast<const char*>(at_) + size.size, size.value};
}

Tags::Iterator& Tags::Iterator::operator++() {
  const Number size = *load_number(at_, 4);
  at_ += size.size + size.value;
  return *this;
}

std::optional<Packet> parse_packet(Bytes bytes) {
  if (bytes.empty() || bytes[0] != kSignature) return std::nullopt;
  std::optional<Packet> packet(std::in_place);
  const DirectRanges ranges;
  if (Inspector(bytes, ranges).run(*packet) != Check::kPacket || packet->raw.size() != bytes.size())
    return std::nullopt;
  return packet;
}

}  // namespace subunit
