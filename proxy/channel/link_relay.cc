#include "proxy/channel/link_relay.h"

#include <fcntl.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cassert>

#include "proxy/io/child.h"

namespace proxy {

using subunit::Bytes;
using subunit::Result;
using subunit::Time;
using subunit::link::Link;

namespace {

// Payload that waits for the line: what a quick one takes in a turn of the loop, and what a slow
// one takes in the time that a result may wait behind what tests print.
constexpr std::size_t kMaxQueued = 64 << 10;
constexpr std::size_t kMinQueued = 512;
constexpr double kQueuedSeconds = 0.25;

// For the line to take what is said last. One that is stopped takes nothing any more.
constexpr auto kFarewellTimeout = std::chrono::seconds(1);

// For pipes. The slow one is as small as the system makes them (pipe(7)).
constexpr int kCapacity = 64 << 10;
constexpr int kSlowCapacity = 4 << 10;
constexpr double kSlow = 1 << 20;  // bytes a second

std::size_t most_queued(double bytes_per_second) {
  if (bytes_per_second <= 0) return kMaxQueued;
  const auto wanted = static_cast<std::size_t>(bytes_per_second * kQueuedSeconds);
  return std::clamp(wanted, kMinQueued, kMaxQueued);
}

int capacity(double bytes_per_second) {
  return bytes_per_second > 0 && bytes_per_second < kSlow ? kSlowCapacity : kCapacity;
}

}  // namespace

LinkRelay::LinkRelay(uv_loop_t& loop, Fd from_line, Fd to_line,
                     const subunit::link::LinkOptions& options, Events events)
    : loop_(loop),
      events_(std::move(events)),
      bytes_per_second_(options.bytes_per_second),
      link_(options),
      line_buffer_(kReadSize),
      payload_buffer_(most_queued(options.bytes_per_second)),
      from_line_(loop, std::move(from_line),
                 {.room = [this] { return std::span(line_buffer_); },
                  .received =
                      [this](std::size_t size) {
                        const Bytes bytes = Bytes(line_buffer_).first(size);
                        if (events_.arrived) events_.arrived(bytes);
                        link_.receive(bytes, precise_now());
                        turn();
                      },
                  .ended =
                      [this](const Result<>&) {
                        link_.receive_eof(precise_now());
                        line_ended_ = true;
                        turn();
                        if (!closed_) events_.line_ended();
                      }}),
      // If nobody takes what we write, the other direction tells why.
      to_line_(loop, std::move(to_line),
               {.progress = [this] { turn(); }, .failed = [](const subunit::Error&) {}}),
      timer_(loop,
             [this] {
               // What has come by now was not silence, even if nobody has read it yet.
               catch_up();
               if (closed_) return;
               link_.tick(precise_now());
               turn();
             }),
      farewell_timer_(loop, [this] {
        line_is_stopped_ = to_line_.queued() > 0;
        turn();
      }) {}

Result<LinkRelay::Payload> LinkRelay::connect() {
  auto in = Pipe::create();
  if (!in) return tl::unexpected(in.error());
  auto out = Pipe::create();
  if (!out) return tl::unexpected(out.error());
  connect(Payload{std::move(out->read_end), std::move(in->write_end)});
  return Payload{std::move(in->read_end), std::move(out->write_end)};
}

void LinkRelay::connect(Payload ends) {
  for (const Fd* pipe : {&ends.in, &ends.out})
    ::fcntl(pipe->get(), F_SETPIPE_SZ, capacity(bytes_per_second_));  // another size works too
  to_owner_.emplace(loop_, std::move(ends.out),
                    Writer::Events{.progress = [this] { turn(); },
                                   // It has stopped reading, and will close the other pipe too.
                                   .failed = [](const subunit::Error&) {}});
  from_owner_.emplace(loop_, std::move(ends.in),
                      Reader::Events{.room = [this] { return std::span(payload_buffer_); },
                                     .received =
                                         [this](std::size_t size) {
                                           link_.send(Bytes(payload_buffer_).first(size));
                                           turn();
                                         },
                                     .ended =
                                         [this](const Result<>&) {
                                           link_.finish();
                                           turn();
                                         }});
  timer_.start(Time(0));
}

void LinkRelay::catch_up() {
  if (line_flow_) from_line_.drain();
}

/// To be called whenever something has changed.
void LinkRelay::turn() {
  if (closed_) return;
  // Before the events: payload that waits in the link since the owner was too slow is one of them,
  // and nothing but a timer would ask for it again.
  if (to_owner_) link_.want_payload(!to_owner_->congested());
  while (const auto event = link_.next_event()) {
    handle(*event);
    if (closed_) return;
  }
  events_.turned();
  if (closed_) return;
  pump();
  if (finishes_line_ && to_line_.queued() == 0) to_line_.finish();
  read_owner();
  if (const auto deadline = link_.next_deadline()) {
    timer_.start(*deadline - precise_now());
  } else {
    timer_.stop();
  }
}

void LinkRelay::handle(const Link::Event& event) {
  if (const auto* noise = std::get_if<Link::Noise>(&event)) return events_.noise(noise->bytes);
  if (const auto* payload = std::get_if<Link::Payload>(&event)) {
    if (to_owner_) to_owner_->send(payload->bytes);
  } else if (std::holds_alternative<Link::Opened>(event)) {
    opened_at_ = precise_now();
    events_.opened();
  } else if (std::holds_alternative<Link::Finished>(event)) {
    if (to_owner_) to_owner_->finish();
  } else if (const auto* echo = std::get_if<Link::Echo>(&event)) {
    events_.echoed(echo->here);
  } else if (const auto* dead = std::get_if<Link::Dead>(&event)) {
    end(dead->reason);
  } else if (std::holds_alternative<Link::Closed>(event)) {
    end("");
  }
}

void LinkRelay::pump() {
  while (!to_line_.over() && to_line_.queued() == 0) {
    const Bytes frame = link_.pending_output(precise_now());
    if (frame.empty()) return;
    to_line_.send(frame);
    link_.consume_output();
  }
}

void LinkRelay::read_owner() {
  if (!from_owner_) return;
  link_.queued() < payload_buffer_.size() ? from_owner_->resume() : from_owner_->pause();
}

void LinkRelay::end(std::string problem) {
  if (over_) return;
  set_over();
  problem_ = std::move(problem);
  if (to_owner_) {
    to_owner_->finish();
    from_owner_->close();
  }
  events_.ended();
}

void LinkRelay::set_over() {
  over_ = true;
  over_at_ = precise_now();
  farewell_timer_.start(kFarewellTimeout);
}

LinkRelay::Line LinkRelay::release() {
  link_.receive_eof(precise_now());
  while (const auto event = link_.next_event()) {
    if (const auto* noise = std::get_if<Link::Noise>(&*event)) events_.noise(noise->bytes);
  }
  Line line{from_line_.release(), to_line_.release()};
  close();
  return line;
}

void LinkRelay::set_flow(bool on) {
  line_flow_ = on;
  on ? from_line_.resume() : from_line_.pause();
}

void LinkRelay::abandon(std::string_view why) {
  if (over_ || closed_) return;
  link_.abandon(why);
  pump();
  set_over();
}

void LinkRelay::finish_line() {
  finishes_line_ = true;
  timer_.start(Time(0));
}

void LinkRelay::close() {
  closed_ = true;
  timer_.stop();
  farewell_timer_.stop();
  from_line_.close();
  to_line_.close();
  if (from_owner_) from_owner_->close();
  if (to_owner_) to_owner_->close();
}

bool LinkRelay::over() const {
  return over_ && (line_is_stopped_ || to_line_.queued() == 0);
}

std::string LinkRelay::statistics() const {
  const Link::Statistics counts = link_.statistics();
  const double seconds =
      opened_at_
          ? std::chrono::duration<double>(over_at_.value_or(precise_now()) - *opened_at_).count()
          : 0;
  const auto rate = [&](std::uint64_t bytes) {
    const double per_second = seconds > 0 ? static_cast<double>(bytes) / seconds : 0;
    const std::string share = counts.bytes_per_second > 0
                                  ? fmt::format(" ({:.0f} % of the line's rate)",
                                                100 * per_second / counts.bytes_per_second)
                                  : "";
    return fmt::format("{:.1f} kB/s{}", per_second / 1000, share);
  };
  return fmt::format(
      "the console link in {:.1f} s: {} frames sent, {} of them again; {} received, {} of them "
      "repaired, {} twice, {} stale, {} echoes; noise: {} bytes of text, {} of damaged frames; "
      "payload: {} bytes sent, {}, and {} received, {}{}",
      seconds, counts.frames_sent, counts.retransmitted, counts.reader.frames,
      counts.reader.repaired, counts.duplicates, counts.stale, counts.echoes, counts.text_noise,
      counts.damaged_noise, counts.payload_sent, rate(counts.payload_sent), counts.payload_received,
      rate(counts.payload_received),
      counts.dense_out || counts.dense_in ? "; the denser code was in use" : "");
}

std::uint32_t random_nonce() {
  std::array<std::uint8_t, 4> bytes{};
  [[maybe_unused]] const ssize_t size = ::getrandom(bytes.data(), bytes.size(), 0);
  assert(size == static_cast<ssize_t>(bytes.size()));  // cannot be short below 256 bytes
  return subunit::load_be32(bytes.data()) % subunit::link::kFrameNumbers;
}

}  // namespace proxy
