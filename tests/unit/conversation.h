#pragma once

// Both halves of a conversation in memory.

#include <random>

#include "common/rpc/attachment.h"
#include "common/rpc/message.h"
#include "tests/unit/streams.h"

namespace subunit::rpc {

/// Everything that `session` has to send, as sent.
template <typename Session>
std::string take_output(Session& session) {
  std::string bytes(as_text(session.pending_output()));
  session.consume_output(bytes.size());
  return bytes;
}

/// The messages in a stream that has nothing else in it.
inline std::vector<Message> messages_in(std::string_view stream) {
  std::vector<Message> messages;
  AttachmentAssembler assembler;
  const Decoded decoded = decode(stream);
  CHECK(decoded.packets().size() == decoded.pieces.size());
  for (const std::string& bytes : decoded.packets()) {
    const Packet packet = *parse_packet(as_bytes(bytes));
    CHECK(carries_message(packet, kRpcTestId));
    const auto json = assembler.add(packet);
    REQUIRE(json);
    if (!*json) continue;
    const auto message = parse_message(**json);
    REQUIRE_MESSAGE(message, message.error().text);
    messages.push_back(*message);
  }
  return messages;
}

/// `session` receives `message`, which fits into one packet.
template <typename Session>
auto receive(Session& session, const Message& message) {
  Buffer bytes;
  REQUIRE(encode_attachment(kRpcTestId, *to_json(message), std::nullopt, bytes));
  return session.receive(*parse_packet(bytes));
}

template <typename Session>
bool receive_fails(Session& session, const Message& message) {
  return !receive(session, message);
}

/// Sizes of the pieces in which bytes arrive.
class Cuts {
 public:
  static Cuts whole() { return Cuts(SIZE_MAX, 0); }
  static Cuts every(std::size_t size) { return Cuts(size, 0); }
  static Cuts random(std::uint32_t seed) { return Cuts(0, seed); }

  std::size_t next() {
    return size_ > 0 ? size_ : 1 + random_() % (std::size_t{1} << (random_() % 20));
  }

 private:
  Cuts(std::size_t size, std::uint32_t seed) : size_(size), random_(seed) {}

  std::size_t size_;  // 0: random
  std::mt19937 random_;
};

/// Takes `bytes` to `session` through `decoder`, in pieces, and appends what comes of it to
/// `events` and what belongs to no packet to `noise`. The test ends at an Error.
template <typename Session>
void deliver(std::string_view bytes, Cuts& cuts, Decoder& decoder, Session& session,
             std::vector<typename Session::Event>& events, std::string& noise) {
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, cuts.next());
    bytes.remove_prefix(piece.size());
    decoder.receive(as_bytes(piece), Time(0));
    while (auto found = decoder.next_event()) {
      if (const auto* packet = std::get_if<Packet>(&*found)) {
        auto event = session.receive(*packet);
        REQUIRE_MESSAGE(event, event.error().text);
        events.push_back(std::move(*event));
      } else {
        noise += as_text(std::get<Noise>(*found).bytes);
      }
    }
  }
}

}  // namespace subunit::rpc
