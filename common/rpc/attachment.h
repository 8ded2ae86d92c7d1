#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "../subunit/encoder.h"

namespace subunit::rpc {

/// The test ids under which messages travel: between client and test server, and to and from the
/// proxy itself.
inline constexpr std::string_view kRpcTestId = "testrepository-rpc";
inline constexpr std::string_view kProxyTestId = "testrepository-proxy";

/// True if the packet carries (a piece of) a message: test id `test_id`, an attachment, and MIME
/// type application/json, with or without parameters.
[[nodiscard]] bool carries_message(const Packet& packet, std::string_view test_id);

/// Appends `json` as the attachment "message" of `test_id`, in as many packets as it takes. An
/// Error, and nothing appended, as encode_file(), and for more than kMaxMessageSize.
[[nodiscard]] Result<> encode_attachment(std::string_view test_id, std::string_view json,
                                         std::optional<std::string_view> route, Buffer& out);

/// Puts messages together that span packets.
///
/// A message ends with the packet that has the EOF flag. A single packet without it whose content
/// is a whole JSON object is a message too, and an empty one with the flag, which some writers send
/// behind it, is none. Messages with different route code, test id or file name may be interleaved.
class AttachmentAssembler {
 public:
  /// Of one message, and of all that are open at a time: a Run of a million ids of 60 bytes.
  static constexpr std::size_t kMaxMessageSize = 64 << 20;
  /// Messages that are open at a time: one for each server.
  static constexpr std::size_t kMaxOpen = 64;
  /// Bytes of route code, test id and file name, by which one that is open is known.
  static constexpr std::size_t kMaxKeySize = 4096;

  /// `packet` is one for which carries_message() is true. Returns the JSON text once it is whole.
  /// An Error if a bound is passed; everything that was open is dropped then.
  [[nodiscard]] Result<std::optional<std::string>> add(const Packet& packet);

 private:
  void drop();

  std::map<std::string, std::string> open_;  // by route code, test id and file name
  std::size_t size_ = 0;                     // of all in open_
};

}  // namespace subunit::rpc
