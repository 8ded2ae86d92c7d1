#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "proxy/io/child.h"
#include "proxy/io/packet_reader.h"

namespace proxy {

/// The command that carries packets to and from the test machine on its stdin and stdout.
class Channel {
 public:
  struct Events {
    std::function<void(const subunit::Packet&)> packet;
    std::function<void(subunit::Bytes)> noise;
    std::function<void()> batch;
    std::function<void()> ended;         ///< its stdout is closed and the process has ended; once
    std::function<void()> sent = [] {};  ///< something that was queued has been written
  };

  Channel(uv_loop_t& loop, Events events);

  /// The command shares our terminal, so that ssh can ask for a password there. ^C is ours alone.
  [[nodiscard]] subunit::Result<> start(const std::vector<std::string>& command);

  void send(subunit::Bytes bytes) { to_server_->send(bytes); }

  /// As Writer::congested(): hold back what there is to send.
  [[nodiscard]] bool congested() const { return to_server_->congested(); }

  /// From now on the line carries packets, and little else.
  void expect_packets() { from_server_->set_stall_timeout(kLineStall); }

  /// Nothing more will be sent.
  void finish() { to_server_->finish(); }

  /// Without flow, the other side's writes block in the end.
  void set_flow(bool on);

  /// Hangs up: closes both directions, and ends the command by TERM, and KILL after `grace`.
  void hang_up(subunit::Time grace);

  [[nodiscard]] bool over() const { return ended_; }
  [[nodiscard]] const std::optional<Ending>& ending() const { return command_.ending(); }

 private:
  // A network that loses a segment, or a machine that swaps, is silent for longer than a decoder
  // waits by itself. In the middle of a large attachment that must not count.
  static constexpr auto kLineStall = std::chrono::seconds(5);

  void check_end();
  void patience_ended();

  uv_loop_t& loop_;
  Events events_;
  Child command_;
  Timer patience_;  // once one of the two has ended: the command, or its output
  std::optional<Writer> to_server_;
  std::optional<PacketReader> from_server_;
  bool flow_ = true;
  bool ended_ = false;
};

}  // namespace proxy
