#include "common/rpc/peek.h"

#include "common/rpc/attachment.h"

namespace subunit::rpc {
namespace {

template <typename T>
std::optional<T> peek(const Packet& packet, std::string_view test_id, std::size_t most,
                      Result<T> (*parse)(std::string_view)) {
  if (!carries_message(packet, test_id) || packet.file->content.size() > most) return std::nullopt;
  auto message = parse(as_text(packet.file->content));
  return message ? std::optional<T>(std::move(*message)) : std::nullopt;
}

}  // namespace

std::optional<Message> peek_message(const Packet& packet) {
  return peek<Message>(packet, kRpcTestId, kMaxPeek, parse_message);
}

std::optional<Announcement> peek_announcement(const Packet& packet) {
  return peek<Announcement>(packet, kProxyTestId, kMaxAnnouncementPeek, parse_announcement);
}

}  // namespace subunit::rpc
