#include "common/rpc/peek.h"

#include "common/rpc/attachment.h"

namespace subunit {
namespace {

template <typename T>
std::optional<T> peek(const Packet& packet, std::string_view test_id,
                      Result<T> (*parse)(std::string_view)) {
  if (packet.test_id != test_id || !carries_message(packet, test_id)) return std::nullopt;
  if (packet.file->content.size() > kMaxPeek) return std::nullopt;
  auto message = parse(as_text(packet.file->content));
  return message ? std::optional<T>(std::move(*message)) : std::nullopt;
}

}  // namespace

std::optional<Message> peek_message(const Packet& packet) {
  return peek<Message>(packet, kRpcTestId, parse_message);
}

std::optional<Announcement> peek_announcement(const Packet& packet) {
  return peek<Announcement>(packet, kProxyTestId, parse_announcement);
}

}  // namespace subunit
