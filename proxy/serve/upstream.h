#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "common/verdict/open_tests.h"
#include "proxy/io/packet_reader.h"
#include "proxy/serve/attaching.h"
#include "proxy/serve/capture.h"

namespace proxy {

/// One connected test server: relays its packets to the channel, and the client's to it. Puts the
/// captured output between its packets, where it belongs.
class Upstream {
 public:
  struct Events {
    std::function<void()> ended;  ///< the server closed the connection, or it broke
    std::function<void()> flow;   ///< something was sent: who may send more has to be seen anew
  };

  /// `capture` may have no outputs. Starts to read.
  Upstream(uv_loop_t& loop, ServerConnection connection, Writer& channel, Capture& capture,
           Events events);

  /// The client's packets, in batches: forward() each, then flush().
  void forward(const subunit::Packet& packet) { to_server_run_.add(packet.raw); }
  void flush() { to_server_run_.flush(); }

  /// The client has nothing more to say.
  void finish() { to_server_.finish(); }

  [[nodiscard]] bool congested() const { return to_server_.congested(); }

  /// Without flow, the server's writes block once the kernel's buffers are full.
  void set_flow(bool on) { on ? from_server_->resume() : from_server_->pause(); }

  /// Relays at once what the server had sent before the call.
  void catch_up() { from_server_->catch_up(); }

  /// Captured output, which must not overtake or be overtaken.
  void insert(subunit::Bytes packets);

  /// Relays what has come until now, and ends.
  void cut_off();
  [[nodiscard]] bool over() const { return from_server_->closed(); }

  [[nodiscard]] const subunit::OpenTests& open_tests() const { return open_tests_; }

 private:
  void receive(const subunit::Packet& packet);
  void receive_noise(subunit::Bytes bytes);
  void send_noise();
  void attribute();

  Writer& channel_;
  Capture& capture_;
  Events events_;
  Writer to_server_;
  PacketRun to_server_run_;
  PacketRun to_channel_run_;
  std::unique_ptr<PacketReader> from_server_;
  subunit::OpenTests open_tests_;
  bool output_settled_ = false;             // the server's Hello said so
  subunit::CapturedOutput noise_{"noise"};  // bytes on the connection that are no packet
  subunit::Buffer noise_packets_;
};

}  // namespace proxy
