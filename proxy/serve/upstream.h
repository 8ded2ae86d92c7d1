#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/verdict/ledger.h"
#include "proxy/capture/capture.h"
#include "proxy/posix/log.h"
#include "proxy/serve/listening.h"
#include "proxy/serve/packet_batch.h"

namespace proxy {

/// One connected test server: relays its packets to the channel, and the client's to it. Has the
/// captured output put between its packets, where it belongs.
class Upstream {
 public:
  struct Events {
    std::function<void()> ended;  ///< the server closed the connection, or it broke
    std::function<void()> flow;   ///< something was sent: who may send more has to be seen anew
    std::function<void()> wrong_token;  ///< it shows that it is not the server that was started
  };

  /// `route`: the route code for its packets, if they are to have one. `channel`: where they go,
  /// and what is captured, too. `capture` may have no outputs. Starts to read.
  Upstream(uv_loop_t& loop, ServerConnection connection, const std::optional<std::string>& route,
           PacketBatch& channel, Capture& capture, const Log& log, Events events);

  /// The client's packets, in batches: forward(), as they are, or pass on with the first hop of
  /// their route code taken off; then flush().
  void forward(subunit::Bytes packet) { to_server_batch_.add(packet); }
  [[nodiscard]] subunit::Result<> forward_stripped(const subunit::Packet& packet) {
    return to_server_batch_.add_stripped(packet);
  }
  void flush() { to_server_batch_.flush(); }

  /// The client has nothing more to say.
  void finish() { to_server_.finish(); }

  [[nodiscard]] bool congested() const { return to_server_.congested(); }
  [[nodiscard]] std::size_t queued() const { return to_server_.queued(); }

  /// Without flow, the server's writes block once the kernel's buffers are full.
  void set_flow(bool on) { on ? from_server_->resume() : from_server_->pause(); }

  /// Relays at once what the server had sent before the call.
  void catch_up() { from_server_->catch_up(); }

  /// Relays what has come until now, and ends.
  void cut_off();
  [[nodiscard]] bool over() const { return from_server_->closed(); }

  /// A test in progress. Servers behind a proxy that is the server here have routes of their own,
  /// below this one's.
  struct OpenTest {
    std::string_view id;
    std::optional<std::string_view> route;  ///< as the client sees it
  };
  /// Calls `visit` for each, in the order of their start.
  void for_each_open_test(const std::function<void(const OpenTest&)>& visit) const;

  /// The test in progress, the oldest if there are several, and since when it is that. If there is
  /// none, since when there is none.
  struct Activity {
    std::optional<std::string_view> test;
    subunit::Time since;
  };
  [[nodiscard]] Activity activity() const;

 private:
  void receive(const subunit::Packet& packet);
  void receive_noise(subunit::Bytes bytes);
  void batch_over();
  void record(const subunit::Packet& packet);
  void relay(const subunit::Packet& packet);
  void send_noise();
  void attribute();
  [[nodiscard]] std::string_view key_of(const subunit::Packet& packet);

  const std::optional<std::string>& route_;
  const std::optional<std::string> token_;
  PacketBatch& channel_;
  Capture& capture_;
  const Log& log_;
  Events events_;
  Writer to_server_;
  PacketBatch to_server_batch_;
  std::unique_ptr<PacketReader> from_server_;
  subunit::verdict::OpenTests open_tests_;  // by key_of()
  std::string key_;
  subunit::Time changed_at_;       // when the oldest test in progress became that
  bool output_settled_ = false;    // the server's Hello said so
  bool heard_ = false;             // something has come
  subunit::CapturedOutput noise_;  // bytes on the connection that are no packet
  subunit::Buffer noise_packets_;
};

}  // namespace proxy
