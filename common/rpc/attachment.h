#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/subunit/encoder.h"

namespace subunit {

/// The test ids under which messages travel: between client and test server, and to and from the
/// proxy itself.
inline constexpr std::string_view kRpcTestId = "testrepository-rpc";
inline constexpr std::string_view kProxyTestId = "testrepository-proxy";

/// True if the packet carries (a piece of) a message: test id `test_id`, an attachment, and MIME
/// type application/json, with or without parameters.
[[nodiscard]] bool carries_message(const Packet& packet, std::string_view test_id);

/// Appends `json` as the attachment "message" of `test_id`, in as many packets as it takes.
[[nodiscard]] Result<> encode_attachment(std::string_view test_id, std::string_view json,
                                         std::optional<std::string_view> route, Buffer& out);

/// Puts messages together that span packets.
///
/// A message ends with the packet that has the EOF flag. A single packet without it whose content
/// is a whole JSON object is a message too. Messages with different route code, test id or file
/// name may be interleaved.
class AttachmentAssembler {
 public:
  static constexpr std::size_t kMaxMessageSize = 64 << 20;  // a Run of a million ids of 60 bytes
  static constexpr std::size_t kMaxOpen = 64;               // one for each server, at most

  /// `packet` is one for which carries_message() is true. Returns the JSON text once it is whole.
  /// An Error if it grows past kMaxMessageSize or too many are open; what there was is dropped.
  [[nodiscard]] Result<std::optional<std::string>> add(const Packet& packet);

 private:
  std::map<std::string, std::string, std::less<>> open_;  // by route code, test id and file name
};

}  // namespace subunit
