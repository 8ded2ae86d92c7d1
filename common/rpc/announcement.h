#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "../base/result.h"
#include "../base/time.h"
#include "message.h"

namespace subunit::rpc {

/// serve: the channel works, and in listen mode so does the port. Its first packet.
struct Ready {
  std::string proxy;  ///< "subunit-proxy/X.Y.Z"
  VersionRange versions;
  std::optional<std::string> listening;
  std::optional<int> expected = std::nullopt;  ///< how many servers it starts or connects to
  std::optional<std::string> revision = std::nullopt;  ///< of which source the proxy is, for people
  bool operator==(const Ready&) const = default;
};

/// serve: a test server is connected.
struct Attached {
  std::optional<std::string> route;
  std::string address;
  std::optional<int> pid;
  bool operator==(const Attached&) const = default;
};

/// Detached::reason of a server that has ended as the protocol says. All others are for a person.
inline constexpr std::string_view kGoodbyeReason = "goodbye";

/// serve: a test server is gone, and why.
struct Detached {
  std::optional<std::string> route;
  std::string reason;
  std::optional<int> exit;
  std::optional<int> signal;
  bool operator==(const Detached&) const = default;
};

/// serve: a packet from the client could not be carried out or delivered, and why.
struct Refused {
  std::string text;
  std::optional<std::string> respawn = std::nullopt;  ///< of a Respawn: its route, or ""
  bool operator==(const Refused&) const = default;
};

/// Client: say Alive every `interval`; and end, with all servers, when nothing comes from here for
/// `lease`. Both are above zero.
struct Watch {
  Time interval;
  Time lease;
  bool operator==(const Watch&) const = default;
};

/// serve: the link is up, and what each server is doing.
struct Alive {
  struct Server {
    std::optional<std::string> route;
    std::optional<std::string> test;  ///< in progress, for...; a long one is cut, "…" follows
    Time lasting{};                   ///< "for": since its start, or since the last one ended
    std::optional<Time> cpu;          ///< that its processes have used, where the proxy can tell
    bool operator==(const Server&) const = default;
  };
  std::vector<Server> servers;
  bool operator==(const Alive&) const = default;
};

/// Client: end this server, if it has not ended, and start it afresh. Only where the proxy started
/// it. `reason`: what to say to people of the end.
struct Respawn {
  std::optional<std::string> route;
  std::optional<std::string> reason = std::nullopt;  ///< cut at kMaxRespawnReason
  bool operator==(const Respawn&) const = default;
};

/// Test server, as the first packet to a proxy that it dials: proof that the proxy started it.
struct Attach {
  std::string token;
  bool operator==(const Attach&) const = default;
};

/// The proxy's own messages (PROTOCOL.md, section "The proxy's messages").
using Announcement =
    std::variant<Ready, Attached, Detached, Refused, Attach, Watch, Alive, Respawn>;

/// One JSON object. Bytes that are not UTF-8 become U+FFFD: reasons quote what was seen.
[[nodiscard]] std::string to_json(const Announcement& announcement);

/// An Alive message is at most this long, whatever the ids of the tests in it.
inline constexpr std::size_t kMaxAliveSize = 1 << 20;
/// Bytes of a test id in it: more than any that a person has chosen.
inline constexpr std::size_t kMaxAliveTest = 2048;

/// Bytes of a Respawn's reason: the message has to fit into kMaxAnnouncementPeek.
inline constexpr std::size_t kMaxRespawnReason = 500;

/// Errors as parse_message(). A newer proxy may say things that are unknown here: that is for the
/// caller to forgive.
[[nodiscard]] Result<Announcement> parse_announcement(std::string_view json);

}  // namespace subunit::rpc
