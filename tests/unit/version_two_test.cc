// What version 2 of the protocol adds, and that a peer of version 1 never sees it.

#include <algorithm>

#include "common/rpc/client_session.h"
#include "common/rpc/server_session.h"
#include "tests/unit/conversation.h"

using namespace subunit;
using namespace subunit::rpc;

namespace {

constexpr VersionRange kOne{.max = 1, .min = 1};
constexpr VersionRange kTwo{.max = 2, .min = 1};
constexpr VersionRange kOnlyTwo{.max = 2, .min = 2};

ClientSession client_with(VersionRange server) {
  ClientSession session;
  session.hello();
  REQUIRE(receive(session, Hello{server}));
  (void)take_output(session);
  return session;
}

ServerSession server_with(VersionRange client) {
  ServerSession session;
  REQUIRE(receive(session, Hello{client}));
  (void)take_output(session);
  return session;
}

/// What `session` has to send arrives at `peer`, up to the first Error; `sent` gets the messages.
template <typename Session, typename Peer>
Result<> exchange(Session& session, Peer& peer, std::vector<Message>& sent) {
  for (const Message& message : messages_in(take_output(session))) {
    sent.push_back(message);
    if (const auto event = receive(peer, message); !event) return tl::unexpected(event.error());
  }
  return {};
}

bool is_version_two(const Message& message) {
  return std::holds_alternative<Cancel>(message) || std::holds_alternative<ErrorMessage>(message) ||
         std::holds_alternative<Ping>(message) || std::holds_alternative<Pong>(message);
}

/// Both say Hello, and then all that their version allows. Returns what they sent.
std::vector<Message> whole_conversation(ClientSession& client, ServerSession& server) {
  std::vector<Message> sent;
  client.hello();
  REQUIRE(exchange(client, server, sent));
  REQUIRE(exchange(server, client, sent));
  REQUIRE(client.version() == server.version());
  const std::string run = *client.run(std::nullopt);
  const std::string list = *client.list(std::nullopt);
  if (client.version() >= 2) client.cancel(run);
  if (client.version() >= 2) (void)client.ping();
  REQUIRE(exchange(client, server, sent));
  server.done(run);
  server.failed(list, "cannot");
  REQUIRE(exchange(server, client, sent));
  CHECK(client.outstanding() == 0);
  client.goodbye();
  REQUIRE(exchange(client, server, sent));
  CHECK(server.receive_eof());
  CHECK(client.receive_eof());
  return sent;
}

/// What comes of a message that spans packets.
template <typename Session>
Result<typename Session::Event> receive_json(Session& session, std::string_view json) {
  Buffer bytes;
  REQUIRE(encode_attachment(kRpcTestId, json, std::nullopt, bytes));
  Result<typename Session::Event> event = typename Session::Incomplete{};
  for (const std::string& packet : decode(as_text(bytes)).packets()) {
    REQUIRE(event);
    event = session.receive(*parse_packet(as_bytes(packet)));
  }
  return event;
}

template <typename Session>
std::string fault(Session& session, const Message& message) {
  const auto event = receive(session, message);
  REQUIRE_FALSE(event);
  CHECK(session.state() == Session::State::kFailed);
  return event.error().text;
}

}  // namespace

TEST_CASE("an Error takes the place of Done where it has a nonce") {
  ClientSession session = client_with(kTwo);
  CHECK(session.version() == 2);
  const std::string nonce = *session.run(std::nullopt);
  auto event = receive(session, ErrorMessage{std::nullopt, "something is odd"});
  REQUIRE(event);
  CHECK(std::get<ClientSession::Failed>(*event).text == "something is odd");
  CHECK(session.outstanding(nonce));
  event = receive(session, ErrorMessage{nonce, "no such list"});
  REQUIRE(event);
  CHECK(std::get<ClientSession::Failed>(*event).nonce == nonce);
  CHECK_FALSE(session.outstanding(nonce));
  CHECK(fault(session, ErrorMessage{nonce, "again"})
            .starts_with("the server sent Error with a nonce for which nothing is outstanding"));
}

TEST_CASE("a list or run that is given up is outstanding until its Done") {
  ClientSession client = client_with(kTwo);
  ServerSession server = server_with(kTwo);
  const std::string nonce = *client.run(std::nullopt);
  client.cancel(nonce);
  const auto said = messages_in(take_output(client));
  REQUIRE(said == std::vector<Message>{Run{std::nullopt, nonce}, Cancel{nonce}});
  REQUIRE(receive(server, said[0]));
  const auto asked = receive(server, said[1]);
  REQUIRE(asked);
  CHECK(std::get<ServerSession::CancelAsked>(*asked).nonce == nonce);
  CHECK(server.outstanding(nonce));
  server.done(nonce);
  CHECK(messages_in(take_output(server)) == std::vector<Message>{Done{nonce}});
  CHECK(client.outstanding(nonce));
}

TEST_CASE("a Cancel that crosses the Done is no fault") {
  ServerSession server = server_with(kTwo);
  CHECK(receive(server, Cancel{"1"}));
  CHECK_FALSE(server.outstanding("1"));
}

TEST_CASE("a Ping is answered by the session itself") {
  ClientSession client = client_with(kTwo);
  ServerSession server = server_with(kTwo);
  const std::string nonce = client.ping();
  CHECK(client.ping() != nonce);
  const auto said = messages_in(take_output(client));
  REQUIRE(said[0] == Message(Ping{nonce}));
  const auto pinged = receive(server, said[0]);
  REQUIRE(pinged);
  CHECK(std::holds_alternative<ServerSession::Pinged>(*pinged));
  CHECK(messages_in(take_output(server)) == std::vector<Message>{Pong{nonce}});
  const auto ponged = receive(client, Pong{nonce});
  REQUIRE(ponged);
  CHECK(std::get<ClientSession::Ponged>(*ponged).nonce == nonce);
  CHECK(fault(client, Pong{nonce})
            .starts_with("the server sent Pong with a nonce for which no Ping is outstanding"));
}

TEST_CASE("in version 1 none of version 2's messages is in place") {
  for (const Message& message : {Message(ErrorMessage{std::nullopt, "x"}), Message(Pong{"1"})}) {
    ClientSession client = client_with(kOne);
    CHECK(client.version() == 1);
    CHECK(fault(client, message).find("which version 1 does not have") != std::string::npos);
  }
  for (const Message& message : {Message(Cancel{"1"}), Message(Ping{"1"})}) {
    ServerSession server = server_with(kOne);
    CHECK(server.version() == 1);
    CHECK(fault(server, message).find("which version 1 does not have") != std::string::npos);
  }
}

TEST_CASE("a server that speaks version 1 says Done for what it cannot carry out") {
  ServerSession server = server_with(kOne);
  REQUIRE(receive(server, Run{std::nullopt, "1"}));
  server.failed("1", "cannot");
  CHECK(messages_in(take_output(server)) == std::vector<Message>{Done{"1"}});
  ServerSession newer = server_with(kTwo);
  REQUIRE(receive(newer, Run{std::nullopt, "1"}));
  newer.failed("1", "cannot");
  CHECK(messages_in(take_output(newer)) == std::vector<Message>{ErrorMessage{"1", "cannot"}});
}

TEST_CASE("what only one side sends is a fault from the other, in version 2 too") {
  ClientSession client = client_with(kTwo);
  CHECK(fault(client, Ping{"1"}).find("only clients send") != std::string::npos);
  ServerSession server = server_with(kTwo);
  CHECK(fault(server, Pong{"1"}).find("only servers send") != std::string::npos);
  ServerSession other = server_with(kTwo);
  CHECK(fault(other, ErrorMessage{std::nullopt, "x"}).find("only servers send") !=
        std::string::npos);
}

TEST_CASE("sides of any two ranges agree on the highest version in common, and say no more") {
  for (const VersionRange client_range : {kOne, kTwo, kOnlyTwo}) {
    for (const VersionRange server_range : {kOne, kTwo, kOnlyTwo}) {
      const int version = std::min(client_range.max, server_range.max);
      if (version < std::max(client_range.min, server_range.min)) continue;
      CAPTURE(client_range.max);
      CAPTURE(server_range.max);
      ClientSession client(client_range);
      ServerSession server(server_range);
      const auto sent = whole_conversation(client, server);
      CHECK(client.version() == version);
      CHECK(std::ranges::count_if(sent, is_version_two) == (version == 1 ? 0 : 4));
    }
  }
}

TEST_CASE("where no version is in common both sides say which ranges they are") {
  const auto check = [](VersionRange client_range, VersionRange server_range) {
    ClientSession client(client_range);
    ServerSession server(server_range);
    std::vector<Message> sent;
    client.hello();
    const auto at_server = exchange(client, server, sent);
    const auto at_client = exchange(server, client, sent);
    CHECK(sent == std::vector<Message>{Hello{client_range}, Hello{server_range}});
    for (const auto& result : {at_server, at_client}) {
      REQUIRE_FALSE(result);
      CHECK(result.error().text.starts_with("no version of the protocol in common: "));
      CHECK(result.error().text.find("version 1") != std::string::npos);
      CHECK(result.error().text.find("version 2") != std::string::npos);
    }
    CHECK(client.state() == ClientSession::State::kFailed);
    CHECK(server.state() == ServerSession::State::kFailed);
    CHECK(client.version() == 0);
    CHECK(server.version() == 0);
  };
  check(kOne, kOnlyTwo);
  check(kOnlyTwo, kOne);
}

TEST_CASE("a message of version 2 before any Hello is out of place") {
  ClientSession client;
  client.hello();
  CHECK(fault(client, ErrorMessage{std::nullopt, "x"}).find("out of place, before its Hello") !=
        std::string::npos);
  ServerSession server;
  CHECK(fault(server, Ping{"1"}).find("out of place, before its Hello") != std::string::npos);
}

TEST_CASE("the nonces of Ping are a space of their own") {
  ServerSession server = server_with(kTwo);
  REQUIRE(receive(server, Run{std::nullopt, "1"}));
  REQUIRE(receive(server, Ping{"1"}));
  REQUIRE(receive(server, Ping{"1"}));
  CHECK(messages_in(take_output(server)) == std::vector<Message>{Pong{"1"}, Pong{"1"}});
  CHECK(server.outstanding("1"));
  server.done("1");

  ClientSession pinging = client_with(kTwo);
  const std::string ping = pinging.ping();
  CHECK_FALSE(pinging.outstanding(ping));
  CHECK(fault(pinging, Done{ping}).find("for which nothing is outstanding") != std::string::npos);
  ClientSession running = client_with(kTwo);
  const std::string run = *running.run(std::nullopt);
  CHECK(fault(running, Pong{run}).find("for which no Ping is outstanding") != std::string::npos);
}

TEST_CASE("after Goodbye a server may still send Error and Pong") {
  ClientSession client = client_with(kTwo);
  const std::string run = *client.run(std::nullopt);
  const std::string ping = client.ping();
  client.goodbye();
  CHECK(receive(client, Pong{ping}));
  CHECK(receive(client, ErrorMessage{run, "was told to leave"}));
  CHECK(receive(client, ErrorMessage{std::nullopt, "cannot clean up"}));
  CHECK(client.outstanding() == 0);
  CHECK(client.receive_eof());
  CHECK(client.state() == ClientSession::State::kClosed);
}

TEST_CASE("after Goodbye a client asks nothing more, not even whether the server is alive") {
  for (const Message& message : {Message(Ping{"1"}), Message(Cancel{"1"})}) {
    ServerSession server = server_with(kTwo);
    REQUIRE(receive(server, Run{std::nullopt, "1"}));
    REQUIRE(receive(server, Goodbye{}));
    CHECK(fault(server, message).find("out of place, after Goodbye") != std::string::npos);
  }
}

TEST_CASE("Pings without a Pong matter at the end of the stream only before Goodbye") {
  ClientSession leaving = client_with(kTwo);
  (void)leaving.ping();
  leaving.goodbye();
  CHECK(leaving.receive_eof());

  ClientSession cut_off = client_with(kTwo);
  (void)cut_off.ping();
  CHECK(cut_off.receive_eof().error().text ==
        "the server's stream ended in the middle of the conversation, without Goodbye");
  CHECK(cut_off.state() == ClientSession::State::kFailed);
}

TEST_CASE("a request with the longest nonce can be answered, one with a longer nonce is refused") {
  const std::string longest(kMaxNonceSize, 'x');
  ServerSession server = server_with(kTwo);
  REQUIRE(receive_json(server, R"({"msg":"Run","nonce":")" + longest + R"("})"));
  REQUIRE(receive_json(server, R"({"msg":"Ping","nonce":")" + longest + R"("})"));
  server.failed(longest, std::string(1 << 20, 'x'));
  const auto said = messages_in(take_output(server));
  CHECK(said == std::vector<Message>{Pong{longest},
                                     ErrorMessage{longest, std::string(kMaxErrorText, 'x') + "…"}});
  const auto event = receive_json(server, R"({"msg":"Run","nonce":"x)" + longest + R"("})");
  REQUIRE_FALSE(event);
  CHECK(event.error().text.ends_with("\"nonce\" is longer than 1048576 bytes"));
}
