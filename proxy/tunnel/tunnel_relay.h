#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/subunit/captured_output.h"
#include "proxy/channel/channel.h"
#include "proxy/io/packet_reader.h"
#include "proxy/io/stream.h"
#include "proxy/io/watch.h"

namespace proxy {

/// Between one client and one channel. What the client writes goes to the channel as it is, a
/// packet once it is whole, so that line feeds can stand between packets if a proxy is there.
/// Packets come back as they are; what the channel prints beside them comes as file packets, name
/// "channel".
class TunnelRelay {
 public:
  TunnelRelay(uv_loop_t& loop, const LineOptions& line, Fd from_client, Fd to_client,
              const Log& log);

  /// An Error if the channel's command cannot be started.
  [[nodiscard]] subunit::Result<> start(const std::vector<std::string>& command);

  /// Ends the channel; a second call does not wait for it.
  void interrupt();

  /// True once the channel has ended, and the client has what came before its end or is gone.
  [[nodiscard]] bool over() const { return channel_.over() && to_client_.over(); }

  /// Why the channel's command did not end with 0; empty if it did. Valid once over.
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  void pass_on(subunit::Bytes bytes);
  void flush_to_channel();
  void client_lost();
  void receive(const subunit::Packet& packet);
  void receive_noise(subunit::Bytes bytes);
  void pass_on_line_feed();
  void send_noise();
  void regulate();
  void end(std::string_view problem, subunit::Time grace);
  void channel_ended();

  HangupWatch client_watch_;
  PacketReader from_client_;
  subunit::Bytes from_client_run_;  // neighbours, on their way to the channel
  Writer to_client_;
  PacketRun run_;
  Channel channel_;
  Timer farewell_;
  Timer flush_timer_;
  std::string problem_;

  bool interrupted_ = false;
  bool ready_ = false;           // the proxy has said so
  bool line_feed_held_ = false;  // it may belong to Ready, which would come next
  subunit::CapturedOutput noise_{"channel"};
  subunit::Buffer noise_packets_;
};

}  // namespace proxy
