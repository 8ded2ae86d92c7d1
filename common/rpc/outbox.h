#pragma once

#include <optional>
#include <string>
#include <utility>

#include "../base/bytes.h"
#include "../base/result.h"
#include "message.h"

namespace subunit::rpc {

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

}  // namespace subunit::rpc
