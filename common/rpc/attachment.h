#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "../base/bytes.h"
#include "../base/result.h"
#include "../subunit/encoder.h"
#include "../subunit/packet.h"
#include "announcement.h"
#include "message.h"

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

/// The messages that one half of a conversation wants to send, as packets.
class Outbox {
 public:
  /// `route`: the route code of all packets, if they are to have one.
  explicit Outbox(std::optional<std::string> route = std::nullopt) : route_(std::move(route)) {}

  /// An Error, and nothing added, if the message cannot be written: a string in it that is not
  /// UTF-8, or a bound of to_json() or encode_attachment().
  [[nodiscard]] Result<> add(const Message& message);

  /// What is not sent yet; valid until the next call of any other function.
  [[nodiscard]] Bytes pending() const { return Bytes(packets_).subspan(sent_); }

  /// The first `size` bytes of pending() have been sent.
  void consume(std::size_t size);

 private:
  std::optional<std::string> route_;
  Buffer packets_;
  std::size_t sent_ = 0;  // bytes of packets_
};

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
