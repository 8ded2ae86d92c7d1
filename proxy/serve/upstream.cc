#include "proxy/serve/upstream.h"

#include "common/rpc/peek.h"

namespace proxy {

using subunit::Packet;

Upstream::Upstream(uv_loop_t& loop, ServerConnection connection, Writer& channel, Capture& capture,
                   Events events)
    : channel_(channel),
      capture_(capture),
      events_(std::move(events)),
      to_server_(loop, std::move(connection.out),
                 {.progress = [this] { events_.flow(); },
                  // The reader notices too, and what the server still said before comes first.
                  .failed = [](const subunit::Error&) {}}),
      to_server_run_(to_server_),
      to_channel_run_(channel_),
      from_server_(std::move(connection.reader)) {
  from_server_->set_events({.packet = [this](const Packet& packet) { receive(packet); },
                            .noise = [this](subunit::Bytes bytes) { receive_noise(bytes); },
                            .batch =
                                [this] {
                                  to_channel_run_.flush();
                                  events_.flow();
                                },
                            .ended =
                                [this](const subunit::Result<>&) {
                                  noise_.flush(noise_packets_);
                                  send_noise();
                                  events_.ended();
                                }});
  from_server_->resume();
}

void Upstream::receive(const Packet& packet) {
  const auto message = subunit::peek_message(packet);
  const auto* hello = message ? std::get_if<subunit::Hello>(&*message) : nullptr;
  if (hello) output_settled_ = hello->output == subunit::kSettledOutput;
  const bool changes_tests = packet.test_id && packet.status > subunit::Status::kExists;
  if (changes_tests) {
    // What a test printed is in the pipe before its end is sent. A server that waits until it was
    // read has nothing of that test left here; what there is came after.
    if (is_final(packet.status) && !output_settled_) capture_.drain();
    open_tests_.record(*packet.test_id, packet.status);
    attribute();
  } else if (const auto said = subunit::peek_announcement(packet);
             said && std::holds_alternative<subunit::Attach>(*said)) {
    // A server that is trusted for its user may still show its token. That is for us alone.
    return;
  }
  to_channel_run_.add(packet.raw);
}

void Upstream::receive_noise(subunit::Bytes bytes) {
  noise_.add(bytes, noise_packets_);
  send_noise();
  // Noise grows on its way: each piece of it gets names. So it is not left to the end of the batch.
  if (channel_.congested()) from_server_->pause();
}

void Upstream::send_noise() {
  if (!noise_packets_.empty()) insert(noise_packets_);
  noise_packets_.clear();
}

void Upstream::attribute() {
  const std::string* only = open_tests_.only();
  const auto test = only ? std::optional<std::string_view>(*only) : std::nullopt;
  capture_.attribute(test);
  noise_.attribute(test, noise_packets_);
  send_noise();
}

void Upstream::insert(subunit::Bytes packets) {
  to_channel_run_.flush();
  channel_.send(packets);
}

void Upstream::cut_off() {
  from_server_->cut_off();
  from_server_->close();
  to_server_.close();
}

}  // namespace proxy
