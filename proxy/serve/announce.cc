#include "proxy/serve/announce.h"

#include <cassert>

#include "common/rpc/attachment.h"

namespace proxy {

void announce(const subunit::rpc::Announcement& announcement, Writer& to_client) {
  subunit::Buffer packet;
  // What is said here is kilobytes long at most.
  [[maybe_unused]] const auto encoded = subunit::rpc::encode_attachment(
      subunit::rpc::kProxyTestId, to_json(announcement), std::nullopt, packet);
  assert(encoded);
  to_client.send(packet);
}

}  // namespace proxy
