// How a link ends, and what it does with what is not as it should be.

#include <doctest/doctest.h>

#include "common/link/arq/round_trip.h"
#include "tests/link_conversations.h"

using namespace subunit;
using namespace subunit::link;
using namespace std::chrono_literals;

// ---- the end

TEST_CASE("one direction may end long before the other") {
  LinkSimulation simulation({.bytes_per_second = 10'000, .delay = 1ms});
  fill(simulation, 100'000, 10);
  simulation.run(5s);
  CHECK(simulation.serve.finished);
  CHECK(!simulation.serve.closed);
  simulation.run(60s);
  check_exact(simulation);
}

TEST_CASE("giving up is told in one frame, and then nothing more is said") {
  Serve serve;
  serve.link.send(as_bytes("payload"));
  static_cast<void>(serve.said());
  serve.link.abandon("no \x1b[1m more");
  CHECK(serve.link.over());
  const auto said = serve.said_until(100s);
  REQUIRE(said.size() == 1);
  CHECK(said[0].starts_with("#%X"));

  Serve other;
  other.tell(Frame::Type::kReset, "no \x1b[1m more");
  CHECK(other.dead == std::vector<std::string>{R"(the other end has given up: no \x1b[1m more)"});
  CHECK(other.said_until(100s).empty());

  Lone alone({.sends = kToClient, .nonce = 1});
  alone.link.abandon("nobody is there");
  CHECK(alone.said_until(100s).empty());
}

TEST_CASE("an end whose last word is not confirmed has still closed") {
  Serve serve;
  serve.tell(Frame::Type::kFinish, {}, Serve::kOther);
  serve.link.finish();
  const auto said = serve.said_until(29s);
  CHECK(count(said, "#%F") > 16);
  CHECK(serve.finished == 1);
  CHECK(serve.closed == 0);  // while the other end may still be there
  static_cast<void>(serve.said_until(31s));
  CHECK(serve.closed == 1);
  CHECK(serve.dead.empty());
}

TEST_CASE("an end whose payload is not confirmed has not closed") {
  Serve serve;
  serve.link.send(as_bytes("payload"));
  serve.tell(Frame::Type::kFinish, {}, Serve::kOther);
  serve.link.finish();
  static_cast<void>(serve.said_until(100s));
  CHECK(serve.closed == 0);
  CHECK(serve.dead.size() == 1);
}

TEST_CASE("the end of the line is no orderly end, unless only the last word is missing") {
  Serve cut;
  cut.tell(Frame::Type::kData, "payload", Serve::kOther);
  cut.link.receive(as_bytes("#%dAB"), cut.now);
  cut.link.receive_eof(cut.now);
  cut.drain();
  CHECK(cut.received == "payload");
  CHECK(cut.noise == "#%dAB");
  CHECK(cut.dead == std::vector<std::string>{"the line has ended"});

  Serve through;
  through.tell(Frame::Type::kFinish, {}, Serve::kOther);
  through.link.finish();
  CHECK(count(through.said(), "#%F") == 1);
  through.link.receive_eof(through.now);
  through.drain();
  CHECK(through.closed == 1);
  CHECK(through.dead.empty());
}

TEST_CASE("the last confirmation is repeated while the other end asks for it") {
  Serve serve;
  serve.link.finish();
  CHECK(count(serve.said(), "#%F") == 1);
  serve.acknowledged = Serve::kOwn + 1;
  serve.tell(Frame::Type::kFinish, {}, Serve::kOther);
  CHECK(count(serve.said(), "#%A") == 1);
  CHECK(serve.closed == 0);
  for (int round = 0; round < 5; ++round) {
    CHECK(serve.said_until(serve.now + 400ms).empty());
    serve.tell(Frame::Type::kFinish, {}, Serve::kOther);
    CHECK(count(serve.said_until(serve.now + 20ms), "#%A") == 1);
  }
  static_cast<void>(serve.said_until(serve.now + 3s));
  CHECK(serve.closed == 1);
  serve.tell(Frame::Type::kFinish, {}, Serve::kOther);
  CHECK(count(serve.said(), "#%A") == 1);  // even now
}

TEST_CASE("the end is repeated as long as the other end is heard, although nothing confirms it") {
  Serve serve;
  serve.tell(Frame::Type::kFinish, {}, Serve::kOther);
  serve.link.finish();
  for (int second = 0; second < 50; ++second) {
    CHECK(count(serve.said_until(serve.now + 1s), "#%F") >= 1);
    serve.tell(Frame::Type::kPing);
    REQUIRE(!serve.link.over());
  }
  serve.acknowledged = Serve::kOwn + 1;
  serve.tell(Frame::Type::kPing);
  static_cast<void>(serve.said_until(serve.now + 10s));
  CHECK(serve.closed == 1);
}

TEST_CASE("an end that knows all stays as long as one that has measured nothing may need to ask") {
  Serve serve;
  serve.link.send(as_bytes("payload"));
  static_cast<void>(serve.said());
  serve.now += 1ms;
  serve.acknowledged = Serve::kOwn + 1;  // a round trip of a millisecond
  serve.tell(Frame::Type::kAck, "\x01");
  serve.link.finish();
  static_cast<void>(serve.said());
  serve.acknowledged = Serve::kOwn + 2;
  serve.tell(Frame::Type::kFinish, {}, Serve::kOther);
  CHECK(count(serve.said(), "#%A") == 1);  // is lost
  static_cast<void>(serve.said_until(serve.now + RoundTrip::kFirstTimeout));
  CHECK(serve.closed == 0);
  serve.tell(Frame::Type::kFinish, {}, Serve::kOther);
  CHECK(count(serve.said(), "#%A") == 1);
}

TEST_CASE("after giving up nothing is kept, awaited or told") {
  Serve serve;
  serve.tell(Frame::Type::kFinish, {}, Serve::kOther);
  serve.link.finish();
  serve.link.abandon("enough");
  CHECK(serve.said().size() == 1);
  for (const std::string_view text : {"$ ", "#%dAB"}) {
    serve.hear(text);
    CHECK(!serve.link.next_deadline());
  }
  CHECK(serve.closed == 0);
  CHECK(serve.noise == "");
}

TEST_CASE("nothing but noise comes after the end, though it comes back") {
  Serve serve;
  serve.link.finish();
  static_cast<void>(serve.said());
  serve.acknowledged = Serve::kOwn + 1;
  serve.tell(Frame::Type::kFinish, {}, Serve::kOther);
  static_cast<void>(serve.said_until(serve.now + 3s));
  REQUIRE(serve.closed == 1);
  const std::uint32_t session = session_id(Serve::kOwn, Serve::kOther);
  serve.link.receive(
      as_bytes(text_of({.type = Frame::Type::kAck, .direction = kToClient, .session = session})),
      serve.now);
  CHECK(!serve.link.next_event());
  CHECK(serve.link.statistics().echoes == 1);
}

TEST_CASE("a confirmation that the line is too slow for just now has a deadline, at the end too") {
  Serve serve({.raw = true}, {.bytes_per_second = 300});
  serve.link.finish();
  static_cast<void>(serve.said_until(serve.now + 1s));
  serve.acknowledged = Serve::kOwn + 1;
  serve.tell(Frame::Type::kFinish, {}, Serve::kOther);
  static_cast<void>(serve.said_until(serve.now + 60s));
  REQUIRE(serve.closed == 1);
  for (int twice = 0; twice < 2; ++twice) {
    serve.tell(Frame::Type::kFinish, {}, Serve::kOther);
    CHECK(count(serve.said_until(serve.now + 20ms), "#%A") == 1 - twice);
  }
  CHECK(serve.link.next_deadline());
  CHECK(count(serve.said_until(serve.now + 1s), "#%A") == 1);
  CHECK(!serve.link.next_deadline());
}

TEST_CASE("on a clean line both ends close within two round trips") {
  LinkSimulation simulation({.delay = 10ms});
  fill(simulation, 100, 100);
  simulation.run(10s);
  check_exact(simulation);
  CHECK(simulation.serve.over_at <= 80ms);
  CHECK(simulation.client.over_at <= 80ms);
}

// ---- what a caller may rely on

TEST_CASE("what is offered stays until it is taken") {
  Serve serve;
  serve.link.send(as_bytes("one"));
  const std::string offered(as_text(serve.link.pending_output(serve.now)));
  serve.link.send(as_bytes("two"));
  serve.tell(Frame::Type::kData, "payload", Serve::kOther);
  serve.link.tick(serve.now);
  CHECK(as_text(serve.link.pending_output(serve.now)) == offered);
  serve.link.consume_output();
  CHECK(as_text(serve.link.pending_output(serve.now)) != offered);
}

TEST_CASE("payload waits while it is not wanted, and nothing else does") {
  Serve serve;
  serve.link.want_payload(false);
  serve.tell(Frame::Type::kData, "one", Serve::kOther);
  serve.tell(Frame::Type::kData, "two", Serve::kOther + 1);
  serve.hear("noise");
  serve.tell(Frame::Type::kFinish, {}, Serve::kOther + 2);
  CHECK(serve.received == "");
  CHECK(serve.noise == "noise");
  CHECK(serve.finished == 0);
  serve.link.want_payload(true);
  serve.drain();
  CHECK(serve.received == "onetwo");
  CHECK(serve.finished == 1);
}

// ---- bad frames

TEST_CASE("bodies that are none are damaged frames, and nothing else happens") {
  Serve serve;
  serve.link.send(as_bytes("payload"));
  static_cast<void>(serve.said());
  struct Bad {
    Frame::Type type;
    std::string body;
  };
  const Bad bad[] = {
      {Frame::Type::kData, ""},
      {Frame::Type::kFinish, "x"},
      {Frame::Type::kAck, ""},
      {Frame::Type::kAck, "\x80"},
      {Frame::Type::kAck, std::string(1 + 2 * 25, 'x')},
      {Frame::Type::kTest, "x"},
      {Frame::Type::kTest, "x\x02"},
      {Frame::Type::kHello, "short"},
      {Frame::Type::kHello, std::string(12, '\0')},
  };
  std::uint64_t damaged = 0;
  for (const Bad& frame : bad) {
    CAPTURE(frame.body);
    serve.tell(frame.type, frame.body, Serve::kOther);
    CHECK(serve.link.statistics().reader.damaged == ++damaged);
  }
  serve.tell({.type = Frame::Type::kPing, .acknowledged = Serve::kOwn + 1000});  // never sent
  CHECK(serve.link.statistics().reader.damaged == ++damaged);
  CHECK(serve.link.statistics().payload_sent == 0);
  CHECK(serve.received == "");
  CHECK(serve.dead.empty());
  serve.tell(Frame::Type::kData, "good", Serve::kOther);
  CHECK(serve.received == "good");
}

TEST_CASE("what an end sends beyond the room it was told of is not kept") {
  Serve serve;
  serve.link.want_payload(false);
  const std::string body(kMaxBody, 'x');
  std::uint32_t sequence = Serve::kOther;
  for (int frame = 0; frame < 500; ++frame, sequence += 100)
    serve.tell(Frame::Type::kData, body, sequence + (frame % 2 == 0 ? 0 : 100));
  CHECK(serve.link.statistics().payload_received <= 256 << 10);
  serve.link.want_payload(true);
  serve.drain();
  CHECK(serve.received.size() <= 256 << 10);
}
