#include "common/rpc/server_session.h"

#include <doctest/doctest.h>

#include "common/rpc/client_session.h"
#include "tests/unit/conversation.h"

using namespace subunit;
using namespace subunit::rpc;

namespace {

using State = ServerSession::State;

ServerSession opened() {
  ServerSession session;
  REQUIRE(receive(session, Hello{}));
  REQUIRE(session.state() == State::kOpen);
  return session;
}

/// The text of the Error that `message` from the client is.
std::string fault(ServerSession& session, const Message& message) {
  const auto event = receive(session, message);
  REQUIRE_FALSE(event);
  CHECK(session.state() == State::kFailed);
  return event.error().text;
}

/// A client and a server, and the wires between them.
struct Pair {
  explicit Pair(Cuts arrival) : cuts(arrival) {}

  ClientSession client;
  ServerSession server;
  Decoder to_server;
  Decoder to_client;
  Cuts cuts;

  /// What comes of everything that the client has to send.
  std::vector<ServerSession::Event> client_speaks() {
    std::vector<ServerSession::Event> events;
    std::string noise;
    deliver(take_output(client), cuts, to_server, server, events, noise);
    CHECK(noise.empty());
    return events;
  }

  /// What comes of `results`, noise included, and then of everything that the server has to send.
  std::vector<ClientSession::Event> server_speaks(const std::string& results = "") {
    std::vector<ClientSession::Event> events;
    std::string noise;
    deliver(results + take_output(server), cuts, to_client, client, events, noise);
    return events;
  }
};

void converse(Cuts cuts) {
  Pair pair(cuts);
  pair.client.hello();
  auto asked = pair.client_speaks();
  REQUIRE(asked.size() == 1);
  CHECK(std::get<ServerSession::Opened>(asked[0]).version == 2);
  auto answers = pair.server_speaks("Welcome to the machine \xC3");
  REQUIRE(answers.size() == 1);
  CHECK(std::get<ClientSession::Opened>(answers[0]).version == 2);

  const std::string listed = *pair.client.list(std::nullopt);
  const std::string ran = *pair.client.run(TestIds{{"a.test", "b.test"}});
  asked = pair.client_speaks();
  REQUIRE(asked.size() == 2);
  const auto& list = std::get<ServerSession::ListAsked>(asked[0]);
  CHECK(list.tests == std::nullopt);
  CHECK(list.nonce == listed);
  const auto& run = std::get<ServerSession::RunAsked>(asked[1]);
  CHECK(run.tests == TestIds{{"a.test", "b.test"}});
  CHECK(run.nonce == ran);

  pair.server.done(ran);
  answers = pair.server_speaks(status("a.test", Status::kSuccess) + "stray \xB3" +
                               status("b.test", Status::kFail));
  REQUIRE(answers.size() == 3);
  CHECK(std::holds_alternative<ClientSession::NotMessage>(answers[0]));
  CHECK(std::holds_alternative<ClientSession::NotMessage>(answers[1]));
  CHECK(std::get<ClientSession::Answered>(answers[2]).nonce == ran);

  pair.client.goodbye();
  asked = pair.client_speaks();
  REQUIRE(asked.size() == 1);
  CHECK(std::holds_alternative<ServerSession::GoodbyeSaid>(asked[0]));
  pair.server.done(listed);
  answers = pair.server_speaks(status("a.test", Status::kExists));
  REQUIRE(answers.size() == 2);
  CHECK(std::get<ClientSession::Answered>(answers[1]).nonce == listed);
  CHECK(pair.server.receive_eof());
  CHECK(pair.client.receive_eof());
  CHECK(pair.client.state() == ClientSession::State::kClosed);
}

void run_many(Cuts cuts) {
  TestIds tests(std::in_place);
  for (int i = 0; i < 100'000; ++i)
    tests->push_back("package.module.Class.test_in_a_long_list_" + std::to_string(i));
  Pair pair(cuts);
  pair.client.hello();
  (void)pair.client_speaks();
  (void)pair.server_speaks();
  const std::string nonce = *pair.client.run(tests);
  REQUIRE(pair.client.pending_output().size() > kMaxPacketSize);
  const auto asked = pair.client_speaks();
  REQUIRE(asked.size() > 1);
  for (std::size_t i = 0; i + 1 < asked.size(); ++i)
    CHECK(std::holds_alternative<ServerSession::Incomplete>(asked[i]));
  const auto& run = std::get<ServerSession::RunAsked>(asked.back());
  CHECK(run.tests == tests);
  CHECK(run.nonce == nonce);
}

}  // namespace

TEST_CASE("a client and a server converse, however their bytes arrive") {
  converse(Cuts::whole());
  converse(Cuts::every(1));
  converse(Cuts::every(7));
  for (std::uint32_t seed = 0; seed < 50; ++seed) converse(Cuts::random(seed));
}

TEST_CASE("a Run of 100,000 ids spans packets and arrives as one request") {
  run_many(Cuts::whole());
  run_many(Cuts::every(4096));
  run_many(Cuts::every(1));
  for (std::uint32_t seed = 0; seed < 3; ++seed) run_many(Cuts::random(seed));
}

TEST_CASE("a server answers Hello with its own") {
  ServerSession session({.max = 5, .min = 1});
  const auto event = receive(session, Hello{{.max = 1, .min = 1}});
  REQUIRE(event);
  CHECK(std::get<ServerSession::Opened>(*event).version == 1);
  CHECK(messages_in(take_output(session)) == std::vector<Message>{Hello{{.max = 5, .min = 1}}});
}

TEST_CASE(
    "a server without a version in common still says Hello, and both sides name both ranges") {
  ServerSession server({.max = 2, .min = 1});
  ClientSession client({.max = 5, .min = 3});
  client.hello();
  CHECK(fault(server, messages_in(take_output(client)).at(0))
            .starts_with("no version of the protocol in common: this side speaks versions 1 to 2, "
                         "the other versions 3 to 5"));
  const auto heard = receive(client, messages_in(take_output(server)).at(0));
  REQUIRE_FALSE(heard);
  CHECK(
      heard.error().text.starts_with("no version of the protocol in common: this side speaks "
                                     "versions 3 to 5, the other versions 1 to 2"));
}

TEST_CASE("a server may promise in its Hello to settle what its tests print") {
  ServerSession session(kSupportedVersions, std::string(kSettledOutput));
  REQUIRE(receive(session, Hello{}));
  CHECK(messages_in(take_output(session)) ==
        std::vector<Message>{Hello{kSupportedVersions, "settled"}});
}

TEST_CASE("a client that sends anything but Hello first breaks the protocol") {
  const auto first = [](const Message& message) {
    ServerSession session;
    return fault(session, message);
  };
  CHECK(first(Run{std::nullopt, "1"}) ==
        R"(the client sent Run out of place, before its Hello: {"msg":"Run","nonce":"1"})");
  CHECK(first(List{std::nullopt, "1"}).find("before its Hello") != std::string::npos);
  CHECK(first(Goodbye{}).find("before its Hello") != std::string::npos);
}

TEST_CASE("a second Hello from the client breaks the protocol") {
  ServerSession session = opened();
  CHECK(fault(session, Hello{}).find("Hello out of place") != std::string::npos);
}

TEST_CASE("a nonce that is outstanding already breaks the protocol, one that is done does not") {
  ServerSession session = opened();
  REQUIRE(receive(session, List{std::nullopt, "n"}));
  session.done("n");
  REQUIRE(receive(session, Run{std::nullopt, "n"}));
  CHECK(fault(session, List{std::nullopt, "n"})
            .starts_with("the client sent List with a nonce that is outstanding already"));
}

TEST_CASE("a request after Goodbye breaks the protocol") {
  for (const Message& message : {Message(List{std::nullopt, "1"}), Message(Run{std::nullopt, "1"}),
                                 Message(Goodbye{}), Message(Hello{})}) {
    ServerSession session = opened();
    REQUIRE(receive(session, Goodbye{}));
    CHECK(session.state() == State::kClosing);
    CHECK(fault(session, message).find("out of place, after Goodbye") != std::string::npos);
  }
}

TEST_CASE("Done from a client breaks the protocol") {
  ServerSession session = opened();
  REQUIRE(receive(session, Run{std::nullopt, "1"}));
  CHECK(fault(session, Done{"1"}) ==
        R"(the client sent what only servers send: {"msg":"Done","nonce":"1"})");
}

TEST_CASE("nonces are echoed as they came") {
  ServerSession session = opened();
  (void)take_output(session);
  const std::vector<std::string> nonces = {"", "a \"b\"\\\n", std::string("\0x", 2), "\xE2\x82\xAC",
                                           std::string(100'000, 'n')};
  for (const std::string& nonce : nonces) {
    REQUIRE(receive(session, Run{std::nullopt, nonce}));
    CHECK(session.outstanding(nonce));
    session.done(nonce);
    CHECK(messages_in(take_output(session)) == std::vector<Message>{Done{nonce}});
  }
  CHECK(session.outstanding() == 0);
}

TEST_CASE("what is outstanding may be answered after the client's stream has ended") {
  ServerSession session = opened();
  REQUIRE(receive(session, Run{std::nullopt, "1"}));
  (void)take_output(session);
  SUBCASE("with Goodbye") {
    REQUIRE(receive(session, Goodbye{}));
    CHECK(session.receive_eof());
  }
  SUBCASE("without, which is an error") {
    CHECK(session.receive_eof().error().text ==
          "the client's stream ended in the middle of the conversation, without Goodbye; 1 "
          "requests are outstanding");
  }
  CHECK(session.state() == State::kClosing);
  session.done("1");
  CHECK(messages_in(take_output(session)) == std::vector<Message>{Done{"1"}});
}

TEST_CASE("a client's stream that ends before its Hello is an error") {
  ServerSession session;
  CHECK_FALSE(session.receive_eof());
  CHECK(session.state() == State::kFailed);
}

TEST_CASE("packets that are no RPC messages are none of a server session's business") {
  ServerSession session;
  const std::string bytes = status("a.test", Status::kSuccess);
  const auto event = session.receive(*parse_packet(as_bytes(bytes)));
  REQUIRE(event);
  CHECK(std::holds_alternative<ServerSession::NotMessage>(*event));
}
