#pragma once

#include <optional>

#include "../subunit/packet.h"
#include "announcement.h"
#include "message.h"

namespace subunit::rpc {

/// For those who pass packets on and want to know what they say: the message that a packet carries
/// whole. Nothing if it carries none, a piece of one, or more than kMaxPeek bytes.
[[nodiscard]] std::optional<Message> peek_message(const Packet& packet);
/// The same, for up to kMaxAnnouncementPeek bytes.
[[nodiscard]] std::optional<Announcement> peek_announcement(const Packet& packet);

/// Messages without a list of tests are below this; the others are no business of a relay.
inline constexpr std::size_t kMaxPeek = 512;
/// What a proxy is told, by a client or a test server, is below this.
inline constexpr std::size_t kMaxAnnouncementPeek = 4096;

}  // namespace subunit::rpc
