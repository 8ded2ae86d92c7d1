// What must hold on any line, as long as it lets something pass.

#include <doctest/doctest.h>

#include <vector>

#include "tests/link_conversations.h"

using namespace subunit;
using namespace subunit::link;
using namespace std::chrono_literals;

namespace {

constexpr double kSlow = 11520;

/// Exact in both directions, with each of the faults in both directions at once.
void check_with(const LineFaults& faults, std::size_t size = 20'000, int seeds = 3) {
  for (int seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    LinkSimulation simulation(faults, static_cast<std::uint64_t>(seed) * 100);
    fill(simulation, size, size / 2);
    simulation.run(1000s);
    check_exact(simulation);
  }
}

LineFaults slow_line() {
  return {.bytes_per_second = kSlow, .delay = 3ms};
}

}  // namespace

TEST_CASE("a line that loses bytes delivers both streams") {
  for (const double rate : {1e-4, 1e-3, 1e-2}) {
    CAPTURE(rate);
    LineFaults line = slow_line();
    line.loss = rate;
    check_with(line);
  }
}

TEST_CASE("a line that changes bytes delivers both streams") {
  for (const double rate : {1e-4, 1e-3, 1e-2}) {
    CAPTURE(rate);
    LineFaults line = slow_line();
    line.flip = rate;
    check_with(line);
  }
}

TEST_CASE("a line with bursts of errors delivers both streams") {
  for (const double rate : {1e-5, 1e-4, 1e-3, 3e-3}) {
    CAPTURE(rate);
    LineFaults line = slow_line();
    line.burst = rate;
    check_with(line);
  }
}

TEST_CASE("a line that repeats spans delivers both streams") {
  for (const double rate : {1e-5, 1e-4, 1e-3, 5e-3}) {
    CAPTURE(rate);
    LineFaults line = slow_line();
    line.doubled = rate;
    check_with(line);
  }
}

TEST_CASE("a line with everything that is bad delivers both streams") {
  const LineFaults bad{.bytes_per_second = kSlow,
                       .delay = 10ms,
                       .loss = 2e-4,
                       .flip = 2e-4,
                       .burst = 1e-4,
                       .doubled = 1e-4,
                       .kernel_line = 1e-4,
                       .control = 1e-4,
                       .flow_control = true,
                       .holds_dle = true,
                       .columns = 80,
                       .line_ends = LineFaults::LineEnds::kLfToCrLf};
  LineFaults echoing = bad;  // in one direction, or it would go round for ever
  echoing.echo = true;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    LinkSimulation simulation(LinkSimulation::serve_at(bad), seed % 2 == 0 ? bad : echoing,
                              LinkSimulation::client_at(bad), seed % 2 == 0 ? echoing : bad, seed);
    fill(simulation, 20'000, 10'000);
    simulation.run(1000s);
    check_exact(simulation);
    check_lines_in_noise(simulation.client, simulation.serve.line);
    check_lines_in_noise(simulation.serve, simulation.client.line);
  }
}

TEST_CASE("a fast line delivers both streams") {
  for (const double rate : {0.0, 1e-5, 1e-4, 1e-3}) {
    CAPTURE(rate);
    check_with({.delay = 1ms, .loss = rate, .flip = rate}, 300'000);
    check_with({.delay = 50ms, .loss = rate, .burst = rate / 10}, 100'000, 1);
  }
}

TEST_CASE("kernel lines between frames and in them are noise, and nothing else is") {
  for (const double rate : {1e-4, 1e-3, 5e-3}) {
    CAPTURE(rate);
    LineFaults line = slow_line();
    line.kernel_line = rate;
    LinkSimulation simulation(line, 7);
    fill(simulation, 20'000, 5'000);
    simulation.run(1000s);
    check_exact(simulation);
    check_lines_in_noise(simulation.client, simulation.serve.line);
    check_lines_in_noise(simulation.serve, simulation.client.line);
  }
}

TEST_CASE("a kernel line at any place of the first frames is noise, and nothing else is") {
  for (std::size_t at = 0; at < 700; ++at) {
    CAPTURE(at);
    LineFaults line{.delay = 1ms};
    line.line_at = at;
    LinkSimulation simulation(line);
    fill(simulation, 1000, 1000);
    simulation.run(60s);
    check_exact(simulation);
    check_noise(simulation);
    CHECK(!simulation.client.noise.empty());
  }
}

TEST_CASE("line ends of any kind do no harm") {
  using LineEnds = LineFaults::LineEnds;
  for (const LineEnds kind : {LineEnds::kAsTheyAre, LineEnds::kLfToCrLf, LineEnds::kLfToCr,
                              LineEnds::kCrToLf, LineEnds::kDropped}) {
    CAPTURE(static_cast<int>(kind));
    LineFaults line{.delay = 1ms};
    line.line_ends = kind;
    LinkSimulation simulation(line);
    fill(simulation, 100'000, 30'000);
    simulation.run(60s);
    check_exact(simulation);
    check_noise(simulation);
  }
}

TEST_CASE("an echo in either direction is recognised, and told to the end that makes it") {
  const LineFaults clean{.delay = 1ms};
  LineFaults echoing = clean;
  echoing.echo = true;  // what serve sends comes back from the client's terminal
  LinkSimulation simulation(LinkSimulation::serve_at(clean), echoing,
                            LinkSimulation::client_at(clean), clean, 1);
  fill(simulation, 100'000, 30'000);
  simulation.run(60s);
  check_exact(simulation);
  check_noise(simulation);
  CHECK(simulation.serve.echo_there);
  CHECK(!simulation.serve.echo_here);
  CHECK(simulation.client.echo_here);
  CHECK(!simulation.client.echo_there);
  CHECK(simulation.serve.link->statistics().echoes > 10);
}

TEST_CASE("seven bits are enough") {
  LineFaults line{.delay = 1ms};
  line.seven_bits = true;
  LinkSimulation simulation(line);
  fill(simulation, 100'000, 100'000);
  simulation.run(60s);
  check_exact(simulation);
  check_noise(simulation);
  CHECK(!simulation.serve.link->statistics().dense_out);
}

TEST_CASE("wrapping at 80 columns, and escape sequences beside the payload, do no harm") {
  LineFaults line{.delay = 1ms};
  line.columns = 80;
  LinkSimulation wrapped(line);
  fill(wrapped, 100'000, 30'000);
  wrapped.run(60s);
  check_exact(wrapped);

  line = {.delay = 1ms};
  line.control = 1e-2;
  LinkSimulation controlled(line);
  fill(controlled, 100'000, 30'000);
  controlled.run(60s);
  check_exact(controlled);
}

TEST_CASE("a line that swallows flow control, or holds back a lone 10, does no harm") {
  LineFaults line{.delay = 1ms};
  line.flow_control = true;
  check_with(line, 100'000, 1);
  line = {.delay = 1ms};
  line.holds_dle = true;
  check_with(line, 100'000, 1);
}

TEST_CASE("a line that was stopped by a forged XOFF is set going again") {
  for (const bool from_serve : {true, false}) {
    for (const Time at : {10ms, 100ms, 1000ms, 2500ms, 4000ms}) {
      CAPTURE(from_serve);
      CAPTURE(at.count());
      LineFaults clean = slow_line();
      clean.flow_control = true;
      LineFaults stops = clean;
      stops.stops_at = at;
      LinkSimulation simulation(LinkSimulation::serve_at(clean), from_serve ? stops : clean,
                                LinkSimulation::client_at(clean), from_serve ? clean : stops, 1);
      fill(simulation, 20'000, 20'000);
      simulation.run(60s);
      check_exact(simulation);
    }
  }
}

TEST_CASE("frames of an earlier session in the scrollback are stale, and no harm") {
  LinkSimulation earlier({.delay = 1ms});
  earlier.serve.options.nonce = 1;
  earlier.serve.keep_written = earlier.client.keep_written = true;
  fill(earlier, 5'000, 5'000);
  earlier.run(60s);
  check_exact(earlier);

  LinkOptions serve = LinkSimulation::serve_at({});
  serve.nonce = 0x123456;
  LinkOptions client = LinkSimulation::client_at({});
  client.nonce = 0x654321;
  const LineFaults line{.bytes_per_second = 50'000, .delay = 3ms};
  LinkSimulation simulation(serve, line, client, line, 1);
  fill(simulation, 200'000, 200'000);
  simulation.serve.line.write(as_bytes(earlier.serve.written), 0s);
  simulation.client.line.write(as_bytes(earlier.client.written), 0s);
  for (int second = 1; second < 8; ++second) {
    simulation.run(std::chrono::seconds(second));
    simulation.serve.line.write(as_bytes(earlier.serve.written), simulation.now);
    simulation.serve.line.write(as_bytes(earlier.client.written), simulation.now);
    simulation.client.line.write(as_bytes(earlier.client.written), simulation.now);
  }
  simulation.run(100s);
  check_exact(simulation);
  CHECK(simulation.client.link->statistics().stale > 50);
  CHECK(simulation.serve.link->statistics().stale > 20);
}

TEST_CASE("sequence numbers wrap around") {
  for (const double rate : {0.0, 1e-3}) {
    for (const std::uint32_t before : {1, 3, 100, 2000}) {
      CAPTURE(rate);
      CAPTURE(before);
      LineFaults line = slow_line();
      line.loss = rate;
      LinkOptions serve = LinkSimulation::serve_at(line);
      LinkOptions client = LinkSimulation::client_at(line);
      serve.nonce = kFrameNumbers - before;
      client.nonce = kFrameNumbers - 2 * before;
      LinkSimulation simulation(serve, line, client, line, 1);
      fill(simulation, 100'000, 30'000);
      simulation.run(100s);
      check_exact(simulation);
    }
  }
}

TEST_CASE("a reader that stalls for a minute costs time, and bounded memory") {
  const LineFaults line{.delay = 1ms};
  LinkSimulation simulation(line);
  fill(simulation, 3'000'000, 10'000);
  simulation.client.finishes = false;
  simulation.run(20ms);
  simulation.client.link->want_payload(false);
  simulation.run(61s);
  const std::size_t before = simulation.client.received.size();
  CHECK(before < simulation.serve.to_send.size());
  CHECK(simulation.serve.link->statistics().payload_sent > before);
  CHECK(simulation.serve.link->statistics().payload_sent <= before + (256 << 10));
  CHECK(simulation.serve.received == simulation.client.to_send);  // the other way goes on
  simulation.client.link->want_payload(true);
  simulation.client.finishes = true;
  simulation.run(80s);
  check_exact(simulation);
  CHECK(simulation.client.over_at < 70s);
}

TEST_CASE("two full directions do not lock each other") {
  for (const double rate : {0.0, 1e-3}) {
    LineFaults line{.bytes_per_second = 2000, .delay = 100ms};
    line.loss = rate;
    check_with(line, 100'000, 1);
  }
}

TEST_CASE("a line that is cut is found dead") {
  for (const bool both : {true, false}) {
    CAPTURE(both);
    LineFaults line = slow_line();
    LineFaults cut = line;
    cut.cut_at = 5s;
    LinkSimulation simulation(LinkSimulation::serve_at(line), cut, LinkSimulation::client_at(line),
                              both ? cut : line, 1);
    fill(simulation, 1'000'000, 1'000'000);
    simulation.run(200s);
    CHECK(simulation.client.dead == "nothing has come from the other end for 30 s");
    CHECK(simulation.serve.dead.has_value());
    CHECK(simulation.client.over_at < 40s);
    CHECK(simulation.serve.over_at < 80s);
    CHECK(simulation.serve.to_send.starts_with(simulation.client.received));
    CHECK(simulation.client.to_send.starts_with(simulation.serve.received));
  }
}

TEST_CASE("an end that starts anew in the middle of a packet is found out") {
  for (const bool serve_restarts : {true, false}) {
    CAPTURE(serve_restarts);
    LinkSimulation simulation(slow_line());
    fill(simulation, 1'000'000, 1'000'000);
    simulation.run(5s);
    LinkSimulation::End& old = serve_restarts ? simulation.serve : simulation.client;
    LinkSimulation::End& stays = serve_restarts ? simulation.client : simulation.serve;
    old.line.write(as_bytes("#%dAAAAAAAAAAAA"), simulation.now);  // cut off
    old.options.nonce ^= 0x5A5A5A;
    old.link = std::make_unique<Link>(old.options);
    old.opened = false;
    old.sent = old.to_send.size();
    old.finish_said = true;
    simulation.run(100s);
    REQUIRE(stays.dead.has_value());
    CHECK(*stays.dead == (serve_restarts ? "the other end has started again"
                                         : "nothing has come from the other end for 30 s"));
    CHECK(stays.over_at < (serve_restarts ? 15s : 40s));
    CHECK(!old.opened);
  }
}
