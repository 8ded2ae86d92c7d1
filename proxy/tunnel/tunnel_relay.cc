#include "proxy/tunnel/tunnel_relay.h"

#include "common/rpc/attachment.h"

namespace proxy {

using std::chrono::seconds;
using subunit::Bytes;
using subunit::Packet;
using subunit::Result;

namespace {

// A client that is gone may have said Goodbye before. Then the channel ends by itself, once the
// server has run its exit handlers.
constexpr auto kFarewellTimeout = seconds(10);
// Between asking the channel's command to end and killing it. The proxy at the other end may wait
// for its servers that long.
constexpr auto kHangUpGrace = seconds(6);
constexpr auto kImpatientGrace = seconds(1);
// After an interrupt, for the client to take what has come.
constexpr auto kFlushTimeout = seconds(2);

}  // namespace

TunnelRelay::TunnelRelay(uv_loop_t& loop, const LineOptions& line, Fd from_client, Fd to_client,
                         const Log& log)
    : client_watch_(loop, duplicate(to_client.get()), [this] { client_lost(); }),
      from_client_(loop, std::move(from_client),
                   {.packet = [this](const Packet& packet) { pass_on(packet.raw); },
                    .noise = [this](Bytes bytes) { pass_on(bytes); },
                    .batch =
                        [this] {
                          flush_to_channel();
                          regulate();
                        },
                    .ended = [this](const Result<>&) { channel_.finish(); }}),
      to_client_(loop, std::move(to_client),
                 {.progress = [this] { regulate(); },
                  .failed = [this](const subunit::Error&) { client_lost(); }}),
      run_(to_client_),
      channel_(loop, line,
               {.packet = [this](const Packet& packet) { receive(packet); },
                .noise = [this](Bytes bytes) { receive_noise(bytes); },
                .batch =
                    [this] {
                      run_.flush();
                      regulate();
                    },
                .ended = [this] { channel_ended(); },
                .sent = [this] { regulate(); }},
               log),
      farewell_(loop, [this] { end("the client is gone", kHangUpGrace); }),
      flush_timer_(loop, [this] { to_client_.close(); }) {}

Result<> TunnelRelay::start(const std::vector<std::string>& command) {
  if (auto started = channel_.start(command); !started) return started;
  from_client_.resume();
  return {};
}

// What the client sends.

void TunnelRelay::pass_on(Bytes bytes) {
  const bool follows = from_client_run_.data() + from_client_run_.size() == bytes.data();
  if (!follows) flush_to_channel();
  from_client_run_ = {follows ? from_client_run_.data() : bytes.data(),
                      follows ? from_client_run_.size() + bytes.size() : bytes.size()};
}

void TunnelRelay::flush_to_channel() {
  if (!from_client_run_.empty()) channel_.send(std::exchange(from_client_run_, {}));
}

void TunnelRelay::client_lost() {
  to_client_.close();
  if (channel_.over()) return;
  from_client_.close();
  channel_.finish();
  regulate();
  farewell_.start(kFarewellTimeout);
}

// What the channel sends.

void TunnelRelay::receive(const Packet& packet) {
  if (!ready_) {
    const auto said = subunit::rpc::peek_announcement(packet);
    ready_ = said && std::holds_alternative<subunit::rpc::Ready>(*said);
    if (ready_) {
      line_feed_held_ = false;  // Ready begins with it, to end what stands on the line already
      channel_.expect_line_feeds();
      from_client_.skip_line_feeds();
      channel_.expect_packets();
    } else {
      pass_on_line_feed();
    }
  }
  run_.add(packet.raw);
}

void TunnelRelay::receive_noise(Bytes bytes) {
  if (!ready_) {
    pass_on_line_feed();
    line_feed_held_ = bytes.back() == '\n';
    if (line_feed_held_) bytes = bytes.first(bytes.size() - 1);
  }
  noise_.add(bytes, noise_packets_);
  send_noise();
}

void TunnelRelay::pass_on_line_feed() {
  if (line_feed_held_) noise_.add(subunit::as_bytes("\n"), noise_packets_);
  line_feed_held_ = false;
  send_noise();
}

void TunnelRelay::send_noise() {
  run_.flush();
  to_client_.send(noise_packets_);
  noise_packets_.clear();
  regulate();  // noise grows on its way, so this is not left to the end of the batch
}

/// Each side is read as long as the other one takes what is there.
void TunnelRelay::regulate() {
  if (channel_.over()) return;
  channel_.set_flow(!to_client_.congested() || to_client_.over());
  channel_.congested() ? from_client_.pause() : from_client_.resume();
}

// The end.

void TunnelRelay::interrupt() {
  if (channel_.over()) return to_client_.close();  // nobody waits for the rest
  interrupted_ = true;
  end("interrupted", problem_.empty() ? kHangUpGrace : kImpatientGrace);
}

void TunnelRelay::end(std::string_view problem, subunit::Time grace) {
  if (problem_.empty()) problem_ = problem;
  from_client_.close();
  channel_.hang_up(grace);
}

void TunnelRelay::channel_ended() {
  farewell_.stop();
  from_client_.close();
  pass_on_line_feed();
  noise_.flush(noise_packets_);
  send_noise();
  to_client_.finish();
  if (interrupted_) flush_timer_.start(kFlushTimeout);
  if (problem_.empty() && !channel_.ended_well())
    problem_ = fmt::format("the channel has ended: {}", channel_.end_text());
  if (problem_.empty() && channel_.holds())
    problem_ =
        "the channel has ended, and nothing of what the client sent was passed on: the other end "
        "never showed whether it uses the console link (try --link raw)";
}

}  // namespace proxy
