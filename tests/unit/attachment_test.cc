#include "common/rpc/attachment.h"

#include <doctest/doctest.h>

#include "tests/unit/streams.h"

using namespace subunit;
using namespace subunit::rpc;

namespace {

/// The packets of a stream that has nothing else in it.
std::vector<std::string> packets_of(const Buffer& stream) {
  const Decoded decoded = decode(as_text(stream));
  CHECK(decoded.packets().size() == decoded.pieces.size());
  return decoded.packets();
}

struct Piece {
  std::string content;
  bool eof = true;
  std::optional<std::string> route = std::nullopt;
  std::string file = "message";
};

Result<std::optional<std::string>> add(AttachmentAssembler& assembler, const Piece& piece) {
  const std::string bytes = packet({.test_id = kRpcTestId,
                                    .route_code = piece.route,
                                    .mime_type = "application/json",
                                    .file = File{piece.file, as_bytes(piece.content)},
                                    .eof = piece.eof});
  return assembler.add(*parse_packet(as_bytes(bytes)));
}

bool carries(std::optional<std::string_view> mime_type, std::string_view test_id = kRpcTestId) {
  const std::string bytes =
      packet({.test_id = test_id, .mime_type = mime_type, .file = File{"any", {}}});
  return carries_message(*parse_packet(as_bytes(bytes)), kRpcTestId);
}

/// The message that `piece` completes, if any.
std::optional<std::string> message(AttachmentAssembler& assembler, const Piece& piece) {
  const auto added = add(assembler, piece);
  REQUIRE_MESSAGE(added, added.error().text);
  return *added;
}

}  // namespace

TEST_CASE("a message is recognised by test id, attachment and MIME type") {
  CHECK(carries("application/json"));
  CHECK(carries("application/json;charset=utf8"));
  CHECK(carries("application/json ; charset=\"utf8\""));
  CHECK(carries("Application/JSON"));
  CHECK_FALSE(carries(std::nullopt));
  CHECK_FALSE(carries("application/jsonp"));
  CHECK_FALSE(carries("application/jso"));
  CHECK_FALSE(carries("text/plain;application/json"));
  CHECK_FALSE(carries("application/json", "a.test"));
  CHECK_FALSE(carries("application/json", kProxyTestId));

  const std::string no_file = packet({.test_id = kRpcTestId, .mime_type = "application/json"});
  CHECK_FALSE(carries_message(*parse_packet(as_bytes(no_file)), kRpcTestId));
}

TEST_CASE("a short message is one packet, with its route code if it has one") {
  Buffer out;
  REQUIRE(encode_attachment(kProxyTestId, "{}", "0/1", out));
  const auto packets = packets_of(out);
  REQUIRE(packets.size() == 1);
  const Packet packet = *parse_packet(as_bytes(packets[0]));
  CHECK(carries_message(packet, kProxyTestId));
  CHECK(packet.route_code == "0/1");
  CHECK(packet.file->name == "message");
  CHECK(packet.status == Status::kNone);
  CHECK(packet.eof);
  AttachmentAssembler assembler;
  CHECK(*assembler.add(packet) == "{}");
}

TEST_CASE("a message of several megabytes spans packets and comes out whole") {
  const std::string json = "{\"x\":\"" + std::string(9'000'000, 'y') + "\"}";
  Buffer out;
  REQUIRE(encode_attachment(kRpcTestId, json, std::nullopt, out));
  const auto packets = packets_of(out);
  CHECK(packets.size() > 1);
  AttachmentAssembler assembler;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    const auto message = assembler.add(*parse_packet(as_bytes(packets[i])));
    REQUIRE(message);
    REQUIRE(message->has_value() == (i + 1 == packets.size()));
    if (*message) CHECK(**message == json);
  }
}

TEST_CASE("messages of different routes and names may be interleaved") {
  AttachmentAssembler assembler;
  CHECK_FALSE(message(assembler, {"{\"a\"", false}));
  CHECK_FALSE(message(assembler, {"{\"b\"", false, "0"}));
  CHECK_FALSE(message(assembler, {"{\"c\"", false, ""}));
  CHECK_FALSE(message(assembler, {"{\"d\"", false, "0", "other"}));
  CHECK(message(assembler, {":4}", true, "0", "other"}) == "{\"d\":4}");
  CHECK(message(assembler, {":1}", true}) == "{\"a\":1}");
  CHECK(message(assembler, {":3}", true, ""}) == "{\"c\":3}");
  CHECK(message(assembler, {":2}", true, "0"}) == "{\"b\":2}");
  CHECK(message(assembler, {"{}", true}) == "{}");
}

TEST_CASE("a single packet with a whole JSON object is a message without the EOF flag") {
  AttachmentAssembler assembler;
  CHECK(message(assembler, {" {\"a\":{}}\n", false}) == " {\"a\":{}}\n");
  CHECK_FALSE(message(assembler, {"{\"a\":{}", false}));
  CHECK(message(assembler, {"}", true}) == "{\"a\":{}}");
  CHECK_FALSE(message(assembler, {"{\"a\":\"}", false}));
  CHECK(message(assembler, {"\"}", true}) == "{\"a\":\"}\"}");
}

TEST_CASE("an empty packet with the EOF flag behind a whole message is no other message") {
  AttachmentAssembler assembler;
  CHECK(message(assembler, {"{}", false}) == "{}");
  CHECK_FALSE(message(assembler, {"", true}));
  CHECK_FALSE(message(assembler, {"{", false}));
  CHECK_FALSE(message(assembler, {"}", false}));
  CHECK(message(assembler, {"", true}) == "{}");
}

TEST_CASE("a message that never ends is an error, and its memory is given up") {
  AttachmentAssembler assembler;
  const std::string chunk(1 << 20, 'x');
  for (int i = 0; i < 64; ++i) REQUIRE(add(assembler, {chunk, false, std::to_string(i % 2)}));
  const auto failed = add(assembler, {"x", false, "0"});
  REQUIRE_FALSE(failed);
  CHECK(failed.error().text ==
        "a message is longer than 67108864 bytes: " + std::string(200, 'x') + "… (33554433 bytes)");
  CHECK(message(assembler, {"}", true, "1"}) == "}");
}

TEST_CASE("messages that have ended do not count against the bound of those that have not") {
  AttachmentAssembler assembler;
  const std::string chunk(4'000'000, 'x');
  for (int i = 0; i < 20; ++i) {
    CHECK_FALSE(message(assembler, {chunk, false}));
    CHECK(message(assembler, {"x", true}) == chunk + "x");
  }
}

TEST_CASE("too many messages begun and not ended are an error") {
  AttachmentAssembler assembler;
  for (std::size_t i = 0; i < AttachmentAssembler::kMaxOpen; ++i)
    REQUIRE(add(assembler, {"{", false, std::to_string(i)}));
  CHECK_FALSE(add(assembler, {"{", false, "one more"}));
  CHECK(message(assembler, {"{}", true, "0"}) == "{}");
}

TEST_CASE("a message that no reader would accept is not sent") {
  Buffer out;
  CHECK_FALSE(encode_attachment(kRpcTestId, std::string((64 << 20) + 1, 'x'), std::nullopt, out));
  CHECK_FALSE(encode_attachment(kRpcTestId, "{}", "\xFF", out));
  CHECK(out.empty());
}

TEST_CASE("a message that spans packets is refused under names that would fill the memory") {
  AttachmentAssembler assembler;
  const std::string name(AttachmentAssembler::kMaxKeySize, 'r');
  CHECK(message(assembler, {"{}", true, name}) == "{}");
  CHECK_FALSE(add(assembler, {"{", false, name}));
  const std::string shorter = name.substr(100);
  CHECK_FALSE(message(assembler, {"{", false, shorter}));
  CHECK(message(assembler, {"}", true, shorter}) == "{}");
}
