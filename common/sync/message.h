#pragma once

#include <optional>

#include "common/base/bytes.h"
#include "common/subunit/packet.h"

namespace subunit::sync {

/// How client and `serve` speak of a tree, before Ready: see SYNC.md. The attachments of
/// one test id, whose file names say what they are.
inline constexpr std::string_view kSyncTestId = "testrepository-sync";

// From `serve`.
inline constexpr std::string_view kTree =
    "tree";  ///< it has the tree with this fingerprint, or none
inline constexpr std::string_view kBusy = "busy";  ///< somebody else brings one
inline constexpr std::string_view kGot = "got";    ///< a piece
inline constexpr std::string_view kWant = "want";  ///< a bit for each entry: its content is missing
inline constexpr std::string_view kDone = "done";  ///< how many were brought and removed
inline constexpr std::string_view kFailed = "failed";  ///< why, for people; it is over

// From the client.
inline constexpr std::string_view kSame = "same";          ///< that is the tree
inline constexpr std::string_view kManifest = "manifest";  ///< a piece of encode()
inline constexpr std::string_view kContent =
    "content";  ///< a piece of all that is wanted, in order

struct Message {
  std::string_view word;
  Bytes bytes;
  bool last = true;  ///< of its kind
};

/// Appends a packet. `bytes` are below kMaxMessage.
void encode(const Message& message, Buffer& out);
inline constexpr std::size_t kMaxMessage = 1 << 20;

/// Nothing for a packet of another kind. The views are the packet's.
[[nodiscard]] std::optional<Message> read_message(const Packet& packet);

}  // namespace subunit::sync
