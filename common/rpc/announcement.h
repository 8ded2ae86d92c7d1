#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "common/base/result.h"
#include "common/rpc/version.h"

namespace subunit {

/// serve: the channel works, and in listen mode so does the port. Its first packet.
struct Ready {
  std::string proxy;  ///< "subunit-proxy/X.Y.Z"
  VersionRange versions;
  std::optional<std::string> listening;
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
  bool operator==(const Refused&) const = default;
};

/// Test server, as the first packet to a proxy that it dials: proof that the proxy started it.
struct Attach {
  std::string token;
  bool operator==(const Attach&) const = default;
};

/// The proxy's own messages (PROTOCOL.md, section "The proxy's messages").
using Announcement = std::variant<Ready, Attached, Detached, Refused, Attach>;

/// One JSON object. Bytes that are not UTF-8 become U+FFFD: reasons quote what was seen.
[[nodiscard]] std::string to_json(const Announcement& announcement);

/// Errors as parse_message(). A newer proxy may say things that are unknown here: that is for the
/// caller to forgive.
[[nodiscard]] Result<Announcement> parse_announcement(std::string_view json);

}  // namespace subunit
