#include "common/link/link.h"

#include <doctest/doctest.h>

#include "tests/link_conversations.h"

using namespace subunit;
using namespace subunit::link;
using namespace std::chrono_literals;

TEST_CASE("both streams arrive, and both ends know that they have") {
  LinkSimulation simulation;
  fill(simulation, 300'000, 200'000);
  simulation.run(10s);
  check_exact(simulation);
  check_noise(simulation);
}

// ---- the handshake

TEST_CASE("the serve end says hello each second; the client end is silent until it hears one") {
  Lone serve({.sends = kToClient, .nonce = 1});
  const auto said = serve.said_until(10s);
  CHECK(count(said, "#%H") == 11);

  Lone client({.sends = kToServe, .nonce = 2});
  client.hear("$ subunit-proxy serve\r\n");
  client.hear(hello_text(kToServe, {.nonce = 7}));  // of another client
  CHECK(client.said_until(10s).empty());
  CHECK(!client.link.heard_hello());
  client.hear(said[0]);
  CHECK(client.link.heard_hello());
  CHECK(count(client.said_until(12500ms), "#%h") == 3);
  CHECK(client.opened == 0);
}

TEST_CASE("a session is there for serve with the answer, for the client with a frame of it") {
  Lone serve({.sends = kToClient, .nonce = 1});
  Lone client({.sends = kToServe, .nonce = 2});
  client.hear(serve.said().at(0));
  serve.hear(client.said().at(0));
  CHECK(serve.opened == 1);
  CHECK(client.opened == 0);
  client.hear(serve.said().at(0));
  CHECK(client.opened == 1);
  CHECK(count(client.said_until(1s), "#%h") == 0);
}

TEST_CASE("a hello in the scrollback is answered, and loses to the one that is repeated") {
  Lone serve({.sends = kToClient, .nonce = 1});
  Lone client({.sends = kToServe, .nonce = 2});
  const std::string stale = hello_text(kToClient, {.raw = true, .nonce = 9});
  for (int round = 0; round < 3; ++round) {
    client.hear(stale);
    for (const std::string& text : client.said()) serve.hear(text);
    CHECK(serve.opened == 0);
  }
  client.hear(serve.said().at(0));
  for (const std::string& text : client.said()) serve.hear(text);
  CHECK(serve.opened == 1);
  client.hear(stale);  // once more, before the session is known here
  for (const std::string& text : serve.said()) client.hear(text);
  CHECK(client.opened == 1);
}

TEST_CASE("frames are short until both ends have said that they are in raw mode") {
  for (const bool raw : {true, false}) {
    LinkSimulation simulation({.delay = 1ms});
    simulation.client.options.raw = raw;
    simulation.client.link = std::make_unique<Link>(simulation.client.options);
    std::size_t longest = 0;
    simulation.serve.watch = [&](Bytes output) { longest = std::max(longest, output.size()); };
    fill(simulation, 1'000'000, 0);
    simulation.run(60s);
    check_exact(simulation);
    CHECK((longest <= 252) == !raw);
    CHECK(simulation.serve.link->statistics().dense_out == raw);
  }
}

TEST_CASE("both ends keep to the lower of the rates that they know") {
  struct Case {
    double serve, client, rate;
  };
  for (const Case& rates :
       {Case{2000, 0, 2000}, {0, 2000, 2000}, {9000, 2000, 2000}, {2000, 9000, 2000}}) {
    CAPTURE(rates.serve);
    CAPTURE(rates.client);
    LinkSimulation simulation({.delay = 1ms});
    simulation.serve.options.bytes_per_second = rates.serve;
    simulation.serve.link = std::make_unique<Link>(simulation.serve.options);
    simulation.client.options.bytes_per_second = rates.client;
    simulation.client.link = std::make_unique<Link>(simulation.client.options);
    fill(simulation, 1'000'000, 1'000'000);
    simulation.run(10s);
    for (const auto* end : {&simulation.serve, &simulation.client}) {
      const auto sent = static_cast<double>(end->link->statistics().line_bytes_sent);
      CHECK(sent < 10 * rates.rate * 1.01 + kMaxBodyText);
      CHECK(sent > 10 * rates.rate * 0.9);
    }
  }
}

// ---- silence

TEST_CASE("an idle link asks now and then, and stays") {
  LinkSimulation simulation({.delay = 10ms});
  simulation.serve.finishes = simulation.client.finishes = false;
  simulation.run(3600s);
  CHECK(!simulation.serve.dead);
  CHECK(!simulation.client.dead);
  const std::uint64_t frames = simulation.serve.link->statistics().frames_sent;
  CHECK(frames > 1000);
  CHECK(frames < 3000);
}

TEST_CASE("after two time-outs in silence a lone XON is sent") {
  Serve serve;
  serve.link.send(as_bytes("payload"));
  const auto said = serve.said_until(10s);
  const auto xon = std::find(said.begin(), said.end(), "\x11");
  REQUIRE(xon != said.end());
  CHECK(count({said.begin(), xon}, "#%D") == 2);  // and the second time-out is over
  CHECK(count(said, "\x11") <= 4);
}

TEST_CASE("no XON is sent while something is heard") {
  Serve serve;
  serve.link.send(as_bytes("payload"));
  for (int round = 0; round < 100; ++round) {
    serve.tell(Frame::Type::kPing);
    CHECK(count(serve.said_until(serve.now + 100ms), "\x11") == 0);
  }
}

TEST_CASE("without a frame of the session for half a minute the other end is dead") {
  Serve serve;
  static_cast<void>(serve.said_until(20s));
  CHECK(serve.dead.empty());
  serve.hear("other bytes do not count\r\n");
  serve.hear(text_of({.type = Frame::Type::kPing, .direction = kToServe, .session = 77}));
  static_cast<void>(serve.said_until(29900ms));
  CHECK(serve.dead.empty());
  static_cast<void>(serve.said_until(30s));
  CHECK(serve.dead == std::vector<std::string>{"nothing has come from the other end for 30 s"});
  CHECK(serve.link.over());
  CHECK(serve.said_until(100s).empty());
  serve.hear("still noise");
  CHECK(serve.noise == "other bytes do not count\r\nstill noise");
}

TEST_CASE("an end that is heard and confirms nothing is given up") {
  Serve serve;
  serve.link.send(as_bytes("payload"));
  while (serve.dead.empty() && serve.now < 200s) {
    serve.tell(Frame::Type::kPing);
    static_cast<void>(serve.said_until(serve.now + 500ms));
  }
  REQUIRE(serve.dead.size() == 1);
  CHECK(serve.dead[0] == "the other end has not acknowledged anything for 60 s");
  CHECK(serve.now > 59s);
  CHECK(serve.now < 70s);
}

TEST_CASE("hellos of another session alone do not end one that goes on") {
  Serve serve;
  for (int second = 1; second < 60; ++second) {
    serve.hear(hello_text(kToServe, {.nonce = 5, .other = Serve::kOwn}));
    static_cast<void>(serve.said_until(std::chrono::seconds(second)));
    if (second % 4 == 0) serve.tell(Frame::Type::kPing);
  }
  CHECK(serve.dead.empty());
}

TEST_CASE("another one's hellos and no frame of the session for 5 s: it has started anew") {
  Serve serve;
  static_cast<void>(serve.said_until(1s));
  for (int tenth = 0; tenth < 100 && serve.dead.empty(); ++tenth) {
    serve.hear(hello_text(kToServe, {.nonce = 5, .other = Serve::kOwn}));
    const auto said = serve.said_until(serve.now + 100ms);
    if (tenth == 0) CHECK(count(said, "#%P") == 1);  // are you there?
  }
  CHECK(serve.dead == std::vector<std::string>{"the other end has started again"});
  CHECK(serve.now > 5900ms);
  CHECK(serve.now < 6300ms);
}
