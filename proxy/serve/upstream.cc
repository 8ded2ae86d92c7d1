#include "proxy/serve/upstream.h"

#include "common/base/text.h"
#include "common/rpc/attachment.h"
#include "proxy/posix/token.h"

namespace proxy {

using subunit::Packet;

namespace {

/// Texts in packets contain no NUL, so that it can stand between a route code and a test id.
constexpr char kSeparator = '\0';

Upstream::OpenTest split(std::string_view key) {
  const std::size_t at = key.find(kSeparator);
  if (at == key.npos) return {key, std::nullopt};
  return {key.substr(at + 1), key.substr(0, at)};
}

}  // namespace

Upstream::Upstream(uv_loop_t& loop, ServerConnection connection,
                   const std::optional<std::string>& route, PacketBatch& channel, Capture& capture,
                   const Log& log, Events events)
    : route_(route),
      token_(std::move(connection.token)),
      channel_(channel),
      capture_(capture),
      log_(log),
      events_(std::move(events)),
      to_server_(loop, std::move(connection.out),
                 {.progress = [this] { events_.flow(); },
                  // The reader notices too, and what the server still said before comes first.
                  .failed = [](const subunit::Error&) {}}),
      to_server_batch_(to_server_),
      from_server_(std::move(connection.reader)),
      changed_at_(precise_now()),
      noise_("noise", route) {
  from_server_->set_events({.packet = [this](const Packet& packet) { receive(packet); },
                            .noise = [this](subunit::Bytes bytes) { receive_noise(bytes); },
                            .batch = [this] { batch_over(); },
                            .ended =
                                [this](const subunit::Result<>&) {
                                  noise_.flush(noise_packets_);
                                  send_noise();
                                  events_.ended();
                                }});
  from_server_->resume();
}

void Upstream::receive(const Packet& packet) {
  const bool first = !std::exchange(heard_, true);
  const auto message = subunit::rpc::peek_message(packet);
  const auto* hello = message ? std::get_if<subunit::rpc::Hello>(&*message) : nullptr;
  // What a server behind a nested proxy promises holds for that proxy's pipes.
  if (hello && !packet.route_code) output_settled_ = hello->output == subunit::rpc::kSettledOutput;
  if (packet.test_id && packet.status > subunit::Status::kExists) {
    // What a test printed is in the pipe before its end is sent. A server that waits until it was
    // read has nothing of that test left here; what there is came after.
    if (is_final(packet.status) && !output_settled_) capture_.drain();
    record(packet);
  } else if (const auto said = subunit::rpc::peek_announcement(packet)) {
    // A server that is trusted for its user may still show its token. That is for us alone.
    if (const auto* attach = std::get_if<subunit::rpc::Attach>(&*said)) {
      if (first && token_ && !same_token(attach->token, *token_)) {
        from_server_->close();
        to_server_.close();
        events_.wrong_token();
      }
      return;
    }
    // The server here is a proxy: there is a channel in between.
    if (std::holds_alternative<subunit::rpc::Ready>(*said) && !packet.route_code)
      from_server_->skip_line_feeds();
  }
  relay(packet);
}

void Upstream::batch_over() {
  if (from_server_->skipped_line_feed()) to_server_.end_lines();
  channel_.flush();
  events_.flow();
}

void Upstream::record(const Packet& packet) {
  const auto oldest = [this] { return open_tests_.empty() ? nullptr : &open_tests_.ids().front(); };
  const std::string* const before = oldest();
  open_tests_.record(key_of(packet), packet.status);
  if (oldest() != before) changed_at_ = precise_now();
  attribute();
}

std::string_view Upstream::key_of(const Packet& packet) {
  if (!packet.route_code) return *packet.test_id;
  key_.assign(*packet.route_code).push_back(kSeparator);
  return key_.append(*packet.test_id);
}

void Upstream::relay(const Packet& packet) {
  if (!route_) return channel_.add(packet.raw);
  if (const auto added = channel_.add_routed(packet, *route_); !added)
    log_.error("a packet of test server {} is lost: {}", *route_, added.error().text);
}

void Upstream::receive_noise(subunit::Bytes bytes) {
  // A proxy behind this one says a line feed before Ready, which belongs to no output.
  const bool greeting = !std::exchange(heard_, true) && subunit::as_text(bytes) == "\n";
  if (greeting) return;
  noise_.add(bytes, noise_packets_);
  send_noise();
  // Noise grows on its way: each piece of it gets names. So it is not left to the end of the batch.
  if (channel_.congested()) from_server_->pause();
}

void Upstream::send_noise() {
  channel_.insert(noise_packets_);
  noise_packets_.clear();
}

void Upstream::attribute() {
  const std::string* only = open_tests_.only();
  const auto test = only ? std::optional<std::string_view>(split(*only).id) : std::nullopt;
  capture_.attribute(test);
  noise_.attribute(test, noise_packets_);
  send_noise();
}

void Upstream::cut_off() {
  from_server_->cut_off();
  from_server_->close();
  to_server_.close();
}

void Upstream::for_each_open_test(const std::function<void(const OpenTest&)>& visit) const {
  for (const std::string& key : open_tests_.ids()) {
    const OpenTest test = split(key);
    const std::string below =
        route_ && test.route ? fmt::format("{}/{}", *route_, *test.route) : "";
    if (route_) {
      visit({test.id, test.route ? below : *route_});
    } else {
      visit(test);
    }
  }
}

Upstream::Activity Upstream::activity() const {
  if (open_tests_.empty()) return {std::nullopt, changed_at_};
  return {split(open_tests_.ids().front()).id, changed_at_};
}

}  // namespace proxy
