#include "common/subunit/route.h"

namespace subunit {

Route split_route(std::string_view code) {
  const std::size_t slash = code.find('/');
  if (slash == std::string_view::npos) return {code, std::nullopt};
  return {code.substr(0, slash), code.substr(slash + 1)};
}

Result<> add_route(const Packet& packet, std::string_view hop, Buffer& out) {
  if (!packet.route_code) return encode_rerouted(packet, hop, out);
  return encode_rerouted(packet, fmt::format("{}/{}", hop, *packet.route_code), out);
}

Result<> strip_route(const Packet& packet, Buffer& out) {
  if (!packet.route_code) return encode_rerouted(packet, std::nullopt, out);
  return encode_rerouted(packet, split_route(*packet.route_code).rest, out);
}

}  // namespace subunit
