#include "common/rpc/client_session.h"

#include <doctest/doctest.h>

#include "tests/unit/conversation.h"

using namespace subunit;
using namespace subunit::rpc;

namespace {

using State = ClientSession::State;

/// One that has said Hello to a server that speaks `versions`, and heard its answer.
ClientSession opened() {
  ClientSession session;
  session.hello();
  REQUIRE(receive(session, Hello{}));
  REQUIRE(session.state() == State::kOpen);
  return session;
}

/// The text of the Error that `message` from the server is.
std::string fault(ClientSession& session, const Message& message) {
  const auto event = receive(session, message);
  REQUIRE_FALSE(event);
  CHECK(session.state() == State::kFailed);
  return event.error().text;
}

}  // namespace

TEST_CASE("a client says Hello first and goes by the server's answer") {
  ClientSession session({.max = 5, .min = 1});
  CHECK(session.state() == State::kIdle);
  session.hello();
  CHECK(session.state() == State::kHelloSent);
  CHECK(messages_in(take_output(session)) == std::vector<Message>{Hello{{.max = 5, .min = 1}}});
  const auto event = receive(session, Hello{{.max = 3, .min = 2}});
  REQUIRE(event);
  CHECK(std::get<ClientSession::Opened>(*event).version == 3);
  CHECK(session.state() == State::kOpen);
}

TEST_CASE("a client's nonces differ, and each is outstanding until its Done") {
  ClientSession session = opened();
  const std::string list = *session.list(std::nullopt);
  const std::string first = *session.run(TestIds{{"a.test"}});
  const std::string second = *session.run(TestIds(std::in_place));
  CHECK(messages_in(take_output(session)) ==
        std::vector<Message>{Hello{subunit::rpc::kSupportedVersions}, List{std::nullopt, list},
                             Run{{{"a.test"}}, first}, Run{TestIds(std::in_place), second}});
  CHECK(session.outstanding() == 3);
  for (const std::string& nonce : {second, list, first}) {
    CHECK(session.outstanding(nonce));
    const auto event = receive(session, Done{nonce});
    REQUIRE(event);
    CHECK(std::get<ClientSession::Answered>(*event).nonce == nonce);
    CHECK_FALSE(session.outstanding(nonce));
  }
  CHECK(session.outstanding() == 0);
}

TEST_CASE("a client may say Goodbye while something is outstanding, and hear its Done") {
  ClientSession session = opened();
  const std::string nonce = *session.run(std::nullopt);
  session.goodbye();
  CHECK(session.state() == State::kClosing);
  CHECK(receive(session, Done{nonce}));
  CHECK(session.receive_eof());
  CHECK(session.state() == State::kClosed);
}

TEST_CASE("a client may say Goodbye without waiting for the server's Hello") {
  ClientSession session;
  session.hello();
  session.goodbye();
  CHECK(session.state() == State::kLeaving);
  CHECK(messages_in(take_output(session)) ==
        std::vector<Message>{Hello{subunit::rpc::kSupportedVersions}, Goodbye{}});
  SUBCASE("which still comes") {
    CHECK(receive(session, Hello{}));
    CHECK(session.state() == State::kClosing);
    CHECK(receive_fails(session, Hello{}));
  }
  SUBCASE("or not") {
    CHECK(session.receive_eof());
    CHECK(session.state() == State::kClosed);
  }
}

TEST_CASE("an id that is not UTF-8 is an error that says nothing to the server") {
  ClientSession session = opened();
  (void)take_output(session);
  CHECK_FALSE(session.run(TestIds{{"\xFF"}}));
  CHECK(session.outstanding() == 0);
  CHECK(session.pending_output().empty());
  CHECK(session.state() == State::kOpen);
}

TEST_CASE("packets that are no RPC messages are none of a client session's business") {
  ClientSession session = opened();
  Buffer ready;
  REQUIRE(encode_attachment(kProxyTestId, R"({"msg":"Ready"})", std::nullopt, ready));
  for (const std::string& bytes :
       {status("a.test", Status::kFail), status(kRpcTestId, Status::kSuccess),
        std::string(as_text(ready))}) {
    const auto event = session.receive(*parse_packet(as_bytes(bytes)));
    REQUIRE(event);
    CHECK(std::holds_alternative<ClientSession::NotMessage>(*event));
  }
}

TEST_CASE("a server that sends anything but Hello first breaks the protocol") {
  ClientSession session;
  session.hello();
  CHECK(fault(session, Done{"1"}) ==
        R"(the server sent Done out of place, before its Hello: {"msg":"Done","nonce":"1"})");
}

TEST_CASE("a server that speaks before it is greeted breaks the protocol") {
  ClientSession session;
  CHECK(fault(session, Hello{}) ==
        "the server sent Hello out of place, before the client's Hello: "
        R"({"msg":"Hello","max":1,"min":1})");
}

TEST_CASE("a client without a version in common with its server names both ranges") {
  ClientSession session({.max = 5, .min = 3});
  session.hello();
  CHECK(fault(session, Hello{{.max = 2, .min = 1}}) ==
        "no version of the protocol in common: this side speaks versions 3 to 5, the other "
        R"(versions 1 to 2: {"msg":"Hello","max":2,"min":1})");
}

TEST_CASE("a second Hello from the server breaks the protocol") {
  ClientSession session = opened();
  CHECK(fault(session, Hello{}).starts_with("the server sent Hello out of place, in the middle"));
}

TEST_CASE("Done for what was not asked, or is done already, breaks the protocol") {
  ClientSession session = opened();
  const std::string nonce = *session.run(std::nullopt);
  SUBCASE("unknown") {
    CHECK(fault(session, Done{"x"}).ends_with(R"({"msg":"Done","nonce":"x"})"));
  }
  SUBCASE("twice") {
    REQUIRE(receive(session, Done{nonce}));
    CHECK(fault(session, Done{nonce}).find("for which nothing is outstanding") !=
          std::string::npos);
  }
}

TEST_CASE("a client that gets its own messages back says that they may be an echo") {
  for (const Message& message :
       {Message(List{std::nullopt, "1"}), Message(Run{std::nullopt, "1"}), Message(Goodbye{})}) {
    ClientSession session = opened();
    CHECK(fault(session, message).find("does the channel echo") != std::string::npos);
  }
}

TEST_CASE("a malformed message from the server fails the client's session for good") {
  ClientSession session = opened();
  Buffer bytes;
  REQUIRE(encode_attachment(kRpcTestId, "{\"msg\":", std::nullopt, bytes));
  const auto event = session.receive(*parse_packet(bytes));
  REQUIRE_FALSE(event);
  CHECK(event.error().text ==
        "from the server: cannot understand the message {\"msg\":: it is not JSON from byte 8 on");
  CHECK(session.state() == State::kFailed);
  CHECK(receive_fails(session, Hello{}));
  CHECK(session.receive_eof());
  CHECK(session.state() == State::kFailed);
}

TEST_CASE("the end of the server's stream before Goodbye is an error that says what is missing") {
  ClientSession session;
  SUBCASE("before its Hello") {
    session.hello();
    CHECK(session.receive_eof().error().text ==
          "the server's stream ended before its Hello, without Goodbye");
  }
  SUBCASE("with nothing outstanding") {
    session = opened();
    CHECK(session.receive_eof().error().text ==
          "the server's stream ended in the middle of the conversation, without Goodbye");
  }
  SUBCASE("with two of three requests outstanding") {
    session = opened();
    for (int i = 0; i < 3; ++i) REQUIRE(session.run(std::nullopt));
    REQUIRE(receive(session, Done{"2"}));
    CHECK(session.receive_eof().error().text ==
          "the server's stream ended in the middle of the conversation: no Done came for 2 of 3 "
          "requests");
  }
  CHECK(session.state() == State::kFailed);
}

TEST_CASE("output that is sent in pieces, with more said meanwhile, stays in order") {
  ClientSession session = opened();
  std::string sent;
  for (int i = 0; i < 200; ++i) {
    if (i % 10 == 0) REQUIRE(session.run(TestIds{{"a.test", "b.test"}}));
    const std::size_t size = std::min<std::size_t>(session.pending_output().size(), 7);
    sent += as_text(session.pending_output().first(size));
    session.consume_output(size);
  }
  sent += take_output(session);
  CHECK(session.pending_output().empty());
  CHECK(messages_in(sent).size() == 21);
}
