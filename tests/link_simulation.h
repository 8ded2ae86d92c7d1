#pragma once

// Two ends of a console link with a line between them, on virtual time.

#include <functional>
#include <memory>
#include <stdexcept>

#include "common/link/link.h"
#include "tests/line_simulation.h"

namespace subunit::link {

class LinkSimulation {
 public:
  /// One end, and the line that goes out from there.
  struct End {
    End(const LinkOptions& own, const LineFaults& faults, std::uint64_t seed)
        : options(own), link(std::make_unique<Link>(own)), line(faults, seed) {}

    LinkOptions options;
    std::unique_ptr<Link> link;
    LineSimulation line;

    std::string to_send = {};  // from sent on
    std::size_t sent = 0;
    bool finishes = true;  // when all is sent
    bool finish_said = false;

    std::string received = {};
    std::string text_noise = {};
    std::string noise = {};  // of both classes
    bool opened = false, finished = false, closed = false, echo_here = false, echo_there = false;
    std::optional<std::string> dead = std::nullopt;
    std::optional<Time> over_at = std::nullopt;
    std::size_t last_size = 0;  // of what was written
    std::string written = {};   // if kept
    bool keep_written = false;
    std::function<void(Bytes)> watch = {};   // sees what is written
    std::function<Buffer(Bytes)> harm = {};  // makes something else of it

    [[nodiscard]] bool over() const { return closed || dead; }
  };

  LinkSimulation(const LinkOptions& serve_options, const LineFaults& to_client,
                 const LinkOptions& client_options, const LineFaults& to_serve, std::uint64_t seed)
      : serve(serve_options, to_client, seed), client(client_options, to_serve, seed + 1) {}

  /// The same line in both directions.
  explicit LinkSimulation(const LineFaults& both = {}, std::uint64_t seed = 1)
      : LinkSimulation(serve_at(both), both, client_at(both), both, seed) {}

  static LinkOptions serve_at(const LineFaults& line) {
    return {.sends = Frame::Direction::kToClient,
            .nonce = 0x5E57E0,
            .bytes_per_second = line.bytes_per_second};
  }
  static LinkOptions client_at(const LineFaults&) { return {.nonce = 0xC11E27}; }

  End serve;
  End client;
  Time now{0};

  /// Until both are over, or `done` says so, or at `end`.
  void run(Time end, const std::function<bool()>& done = {}) {
    while (now <= end) {
      settle();
      if (done && done()) return;
      if (serve.over() && client.over()) return end_lines();
      const auto next = next_time();
      if (!next || *next > end) {
        now = end;
        return;
      }
      if (*next < now) throw std::logic_error("time goes backwards");
      now = *next;
      serve.link->tick(now);
      client.link->tick(now);
    }
  }

  /// All that happens at this moment.
  void settle() {
    for (int round = 0;; ++round) {
      if (round > 1'000'000) throw std::logic_error("this moment does not end");
      if (settle_once()) continue;
      bool ticked = false;
      for (End* end : {&serve, &client}) ticked |= tick_if_due(*end);
      if (!ticked) return;
    }
  }

  /// No byte that a console listens to, but for the marks and ends of frames and a lone XON.
  static void check(Bytes output) {
    if (output.size() == 1 && output[0] == 0x11) return;
    if (output.size() >= kFrameOverhead && output[0] == '#' && output[1] == '%') {
      if (output.back() != '\n') throw std::logic_error("a frame without its line end");
      output = output.subspan(1, output.size() - 2);
    }
    for (const std::uint8_t byte : output) {
      if (never_sent()[byte]) throw std::logic_error("a byte that is never to be sent");
    }
  }

 private:
  bool tick_if_due(End& end) const {
    const auto due = [&] {
      const auto deadline = end.link->next_deadline();
      return deadline && *deadline <= now;
    };
    if (end.over() || !due()) return false;
    end.link->tick(now);
    drain(end);
    if (due()) throw std::logic_error("a deadline that has passed, and stays");
    return true;
  }

  /// What is still on the way arrives, and then nothing any more.
  void end_lines() {
    constexpr Time kForEver = std::chrono::hours(1000);
    hear(client, serve.line.arrivals(kForEver));
    hear(serve, client.line.arrivals(kForEver));
    for (End* end : {&serve, &client}) {
      end->link->receive_eof(now);
      drain(*end);
    }
  }

  void hear(End& end, const Buffer& bytes) {
    if (!bytes.empty()) end.link->receive(bytes, now);
    drain(end);
  }

  bool settle_once() {
    const bool serve_moved = move(serve, client);
    const bool client_moved = move(client, serve);
    return serve_moved || client_moved;
  }

  bool move(End& end, End& other) {
    Buffer arrived = other.line.arrivals(now);
    if (other.line.faults().flow_control) obey(end, arrived);
    if (!arrived.empty()) {
      if (other.line.faults().echo) echo(end, arrived);
    }
    hear(end, arrived);
    feed(end);
    return write(end) || !arrived.empty();
  }

  void obey(End& end, Buffer& arrived) const {
    for (const std::uint8_t byte : arrived) {
      if (byte == 0x11) end.line.release(now);
      if (byte == 0x13) end.line.stop(now);
    }
    std::erase_if(arrived, [](std::uint8_t byte) { return byte == 0x11 || byte == 0x13; });
  }

  /// With CR before LF, as terminals do.
  void echo(End& end, Bytes bytes) {
    Buffer back;
    for (const std::uint8_t byte : bytes) {
      if (byte == '\n') back.push_back('\r');
      back.push_back(byte);
    }
    end.line.write(back, now);
  }

  void drain(End& end) const {
    while (auto event = end.link->next_event()) take(end, *event);
    if (end.over() && !end.over_at) end.over_at = now;
  }

  static void take(End& end, const Link::Event& event) {
    if (const auto* const payload = std::get_if<Link::Payload>(&event)) {
      if (end.finished || !end.opened) throw std::logic_error("payload out of season");
      end.received += as_text(payload->bytes);
    } else if (const auto* const noise = std::get_if<Link::Noise>(&event)) {
      end.noise += as_text(noise->bytes);
      if (noise->noise_class == Link::Noise::Class::kText) end.text_noise += as_text(noise->bytes);
    } else if (const auto* const echo = std::get_if<Link::Echo>(&event)) {
      once(echo->here ? end.echo_here : end.echo_there);
    } else if (std::holds_alternative<Link::Opened>(event)) {
      once(end.opened);
    } else if (std::holds_alternative<Link::Finished>(event)) {
      once(end.finished);
    } else if (std::holds_alternative<Link::Closed>(event)) {
      once(end.closed);
    } else if (const auto* const dead = std::get_if<Link::Dead>(&event)) {
      if (end.over()) throw std::logic_error("over twice");
      end.dead = dead->reason;
    }
  }

  static void once(bool& happened) {
    if (happened) throw std::logic_error("an event came twice");
    happened = true;
  }

  static void feed(End& end) {
    constexpr std::size_t kAhead = 64 << 10;
    constexpr std::size_t kPiece = 8 << 10;
    while (end.sent < end.to_send.size() && end.link->queued() < kAhead) {
      const std::string_view piece = std::string_view(end.to_send).substr(end.sent, kPiece);
      end.link->send(as_bytes(piece));
      end.sent += piece.size();
    }
    if (end.sent == end.to_send.size() && end.finishes && !end.finish_said) {
      end.link->finish();
      end.finish_said = true;
    }
  }

  bool write(End& end) {
    bool wrote = false;
    Buffer harmed;
    while (end.line.writable_at() <= now && !end.link->pending_output(now).empty()) {
      const Bytes output = end.link->pending_output(now);
      check(output);
      if (end.watch) end.watch(output);
      if (end.keep_written) end.written += as_text(output);
      end.line.write(end.harm ? Bytes(harmed = end.harm(output)) : output, now);
      end.link->consume_output();
      wrote = true;
    }
    return wrote;
  }

  std::optional<Time> next_time() const {
    std::optional<Time> next;
    const auto consider = [&next](std::optional<Time> time) {
      if (time && (!next || *time < *next)) next = time;
    };
    for (const End* end : {&serve, &client}) {
      consider(end->line.next_arrival());
      if (end->over()) continue;
      consider(end->link->next_deadline());
      if (end->line.writable_at() > now) consider(end->line.writable_at());
    }
    return next;
  }
};

}  // namespace subunit::link
