#pragma once

// What tests of the console link have in common.

#include <doctest/doctest.h>

#include <vector>

#include "common/base/text.h"
#include "common/link/frame/frame_text.h"
#include "common/link/handshake.h"
#include "tests/link_simulation.h"

namespace subunit::link {

/// Bytes that look like any.
inline std::string some_bytes(std::size_t size, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string out(size, '\0');
  for (char& byte : out) byte = static_cast<char>(random());
  return out;
}

/// Payload for both directions.
inline void fill(LinkSimulation& simulation, std::size_t from_serve, std::size_t from_client) {
  simulation.serve.to_send = some_bytes(from_serve, 1);
  simulation.client.to_send = some_bytes(from_client, 2);
}

/// Both streams, exactly, and an orderly end.
inline void check_exact(const LinkSimulation& simulation) {
  for (const auto* end : {&simulation.serve, &simulation.client}) {
    CAPTURE(end == &simulation.serve);
    CHECK(end->opened);
    CHECK(end->finished);
    CHECK(end->closed);
    CHECK(end->dead.value_or("") == "");
  }
  const bool to_client = simulation.client.received == simulation.serve.to_send;
  const bool to_serve = simulation.serve.received == simulation.client.to_send;
  CHECK(to_client);  // not their values, which are no text
  CHECK(to_serve);
}

/// What the line said itself, and nothing else.
inline void check_noise(const LinkSimulation& simulation) {
  CHECK(escaped(simulation.client.noise, 1000) == escaped(simulation.serve.line.foreign(), 1000));
  CHECK(escaped(simulation.serve.noise, 1000) == escaped(simulation.client.line.foreign(), 1000));
  const bool same = simulation.client.noise == simulation.serve.line.foreign() &&
                    simulation.serve.noise == simulation.client.line.foreign();
  CHECK(same);
}

/// Each line that the line said itself, somewhere in the noise, in order.
inline void check_lines_in_noise(const LinkSimulation::End& reader, const LineSimulation& line) {
  std::size_t from = 0;
  std::string_view lines = line.foreign();
  while (!lines.empty()) {
    const std::string_view first = lines.substr(0, lines.find('\n') + 1);
    const std::size_t at = reader.noise.find(first, from);
    CAPTURE(escaped(first));
    REQUIRE(at != std::string::npos);
    from = at + first.size();
    lines.remove_prefix(first.size());
  }
}

// ---- one end alone

inline constexpr auto kToServe = Frame::Direction::kToServe;
inline constexpr auto kToClient = Frame::Direction::kToClient;

inline std::string text_of(const Frame& frame) {
  Buffer out;
  encode_frame(frame, out);
  return std::string(as_text(out));
}

inline std::string hello_text(Frame::Direction direction, const Hello& hello) {
  Buffer body;
  hello.encode(body);
  return text_of({.type = Frame::Type::kHello, .direction = direction, .body = body});
}

/// A link, and a test that is its line and its other end.
struct Lone {
  explicit Lone(const LinkOptions& options) : link(options) {}

  void hear(std::string_view text) {
    link.receive(as_bytes(text), now);
    drain();
  }
  void hear(const Frame& frame) { hear(text_of(frame)); }

  void drain() {
    while (auto event = link.next_event()) {
      if (std::holds_alternative<Link::Opened>(*event)) ++opened;
      if (auto* payload = std::get_if<Link::Payload>(&*event)) received += as_text(payload->bytes);
      if (auto* found = std::get_if<Link::Noise>(&*event)) noise += as_text(found->bytes);
      if (std::holds_alternative<Link::Finished>(*event)) ++finished;
      if (std::holds_alternative<Link::Closed>(*event)) ++closed;
      if (auto* last = std::get_if<Link::Dead>(&*event)) dead.push_back(last->reason);
    }
  }

  /// What the link says now.
  std::vector<std::string> said() {
    std::vector<std::string> out;
    while (!link.pending_output(now).empty()) {
      out.emplace_back(as_text(link.pending_output(now)));
      link.consume_output();
    }
    drain();
    return out;
  }

  /// What it says until then.
  std::vector<std::string> said_until(Time end) {
    std::vector<std::string> out = said();
    while (true) {
      const auto deadline = link.next_deadline();
      if (!deadline || *deadline > end) break;
      now = std::max(now, *deadline);
      link.tick(now);
      drain();
      for (std::string& text : said()) out.push_back(std::move(text));
    }
    now = end;
    return out;
  }

  Link link;
  Time now{0};
  int opened = 0, finished = 0, closed = 0;
  std::string received;
  std::string noise;
  std::vector<std::string> dead;
};

/// A serve end that is in a session with a test.
struct Serve : Lone {
  static constexpr std::uint32_t kOwn = 0x111111;
  static constexpr std::uint32_t kOther = 0x222222;

  explicit Serve(const Hello& other = {.raw = true, .may_upgrade = true},
                 const LinkOptions& options = {})
      : Lone(with_nonce(options)) {
    Hello hello = other;
    hello.nonce = kOther;
    hello.other = kOwn;
    hear(hello_text(kToServe, hello));
    static_cast<void>(said());
  }

  static LinkOptions with_nonce(LinkOptions options) {
    options.sends = kToClient;
    options.nonce = kOwn;
    return options;
  }

  /// What the test says, as the client.
  void tell(Frame frame) {
    frame.direction = kToServe;
    frame.session = session_id(kOwn, kOther);
    if (frame.acknowledged == 0) frame.acknowledged = acknowledged;
    hear(frame);
  }
  void tell(Frame::Type type, std::string_view body = {}, std::uint32_t sequence = 0) {
    tell({.type = type, .sequence = sequence, .body = as_bytes(body)});
  }

  std::uint32_t acknowledged = kOwn;
};

inline std::size_t count(const std::vector<std::string>& texts, std::string_view start) {
  return static_cast<std::size_t>(std::count_if(
      texts.begin(), texts.end(), [&](const auto& text) { return text.starts_with(start); }));
}

}  // namespace subunit::link
