#include <doctest/doctest.h>

#include "common/rpc/attachment.h"
#include "tests/unit/streams.h"

using namespace subunit;
using namespace subunit::rpc;

namespace {

std::string attachment(std::string_view test_id, std::string_view json) {
  Buffer out;
  REQUIRE(encode_attachment(test_id, json, std::nullopt, out));
  return std::string(as_text(out));
}

}  // namespace

TEST_CASE("a message that stands whole in one packet can be seen in passing") {
  const std::string goodbye = attachment(kRpcTestId, R"({"msg":"Goodbye"})");
  const auto message = peek_message(parse_packet(as_bytes(goodbye)).value());
  REQUIRE(message);
  CHECK(std::holds_alternative<Goodbye>(*message));
  CHECK_FALSE(peek_announcement(parse_packet(as_bytes(goodbye)).value()));

  const std::string attach = attachment(kProxyTestId, R"({"msg":"Attach","token":"t"})");
  const auto announcement = peek_announcement(parse_packet(as_bytes(attach)).value());
  REQUIRE(announcement);
  CHECK(*announcement == Announcement(Attach{"t"}));

  const Announcement respawn = Respawn{"0/1", std::string(kMaxRespawnReason, '\x01')};
  const std::string longest = attachment(kProxyTestId, to_json(respawn));
  CHECK(peek_announcement(parse_packet(as_bytes(longest)).value()) == respawn);
}

TEST_CASE("what is not a message, malformed, or large is passed by") {
  const auto seen = [](const std::string& bytes) {
    return peek_message(parse_packet(as_bytes(bytes)).value()).has_value();
  };
  CHECK_FALSE(seen(status("a.test", Status::kSuccess)));
  CHECK_FALSE(seen(status(kRpcTestId, Status::kSuccess)));
  CHECK_FALSE(seen(attachment(kRpcTestId, R"({"msg":"Good)")));
  const std::string filler(kMaxPeek, 'x');
  CHECK_FALSE(seen(attachment(kRpcTestId, fmt::format(R"({{"msg":"Goodbye","x":"{}"}})", filler))));
}
