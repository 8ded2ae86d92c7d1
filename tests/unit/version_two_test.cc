// What version 2 of the protocol adds, and that a peer of version 1 never sees it.

#include "common/rpc/client_session.h"
#include "common/rpc/server_session.h"
#include "tests/unit/conversation.h"

using namespace subunit;

namespace {

constexpr VersionRange kOne{.max = 1, .min = 1};
constexpr VersionRange kTwo{.max = 2, .min = 1};

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
    CHECK(fault(client, message).find("out of place") != std::string::npos);
  }
  for (const Message& message : {Message(Cancel{"1"}), Message(Ping{"1"})}) {
    ServerSession server = server_with(kOne);
    CHECK(server.version() == 1);
    CHECK(fault(server, message).find("out of place") != std::string::npos);
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
