#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "proxy/channel/line_ends.h"
#include "proxy/channel/line_options.h"
#include "proxy/channel/link_relay.h"
#include "proxy/channel/preparation.h"
#include "proxy/io/child.h"
#include "proxy/io/packet_reader.h"
#include "proxy/posix/log.h"

namespace proxy {

/// The command that carries packets to and from the test machine on its stdin and stdout.
///
/// Packets are there as they are, or travel over the console link: the first packet, or the first
/// frame of a session, shows which. Until then what there is to send is held, since a console that
/// gets packets may do anything.
class Channel {
 public:
  struct Events {
    std::function<void(const subunit::Packet&)> packet;
    std::function<void(subunit::Bytes)> noise;
    std::function<void()> batch;
    /// A proxy is being brought to the other end, and something of it has gone out.
    std::function<void()> preparing = [] {};
    std::function<void()> ended;         ///< its stdout is closed and the process has ended; once
    std::function<void()> sent = [] {};  ///< something that was queued or held has been written
  };

  Channel(uv_loop_t& loop, const LineOptions& options, Events events, const Log& log);

  /// Without a terminal of its own, the command shares ours, so that ssh can ask for a password
  /// there. ^C is ours alone. With `push`, `words` are split as split_push_words() does it.
  [[nodiscard]] subunit::Result<> start(const std::vector<std::string>& words);

  void send(subunit::Bytes bytes);

  /// As Writer::congested(): hold back what there is to send.
  [[nodiscard]] bool congested() const {
    return preparation_.bringing_files() ? preparation_.holds_enough() : line_congested();
  }

  /// From now on the line carries packets, and little else.
  void expect_packets() {
    if (line_ != Line::kLink) from_server_.set_stall_timeout(kLineStall);
  }

  /// A proxy at the other end has said that it is ready. If a line feed stands behind its packets,
  /// it knows of such lines, and gets them, too. See Writer::end_lines().
  void expect_line_feeds() { from_server_.skip_line_feeds(); }

  /// Unless there is no flow: reads and hands out, at once, what had come before the call.
  void catch_up();

  /// Nothing more will be sent.
  void finish();

  /// Something of what was to be sent has not gone out, since it was not known how.
  [[nodiscard]] bool holds() const { return !held_.empty(); }

  /// Without flow, the other side's writes block in the end.
  void set_flow(bool on);

  /// Hangs up: closes both directions, and ends the command by TERM, and KILL after `grace`.
  void hang_up(subunit::Time grace);

  [[nodiscard]] bool over() const { return ended_; }

  /// The command has ended as it should: with 0, or because a console has no end by itself. Valid
  /// once over.
  [[nodiscard]] bool ended_well() const;

  /// How it has ended, for a person. Valid once over.
  [[nodiscard]] std::string end_text() const;

  /// What it waits for until the proxy has said Ready, for a person: "for the proxy to ...".
  [[nodiscard]] std::string awaited() const;

  /// How far it had got if it has ended before that: "before …" or "while …". Empty if end_text()
  /// tells all. Valid once over.
  [[nodiscard]] std::string how_far() const { return preparation_.how_far(); }

 private:
  enum class Line { kUnknown, kRaw, kLink };

  // A network that loses a segment, or a machine that swaps, is silent for longer than a decoder
  // waits by itself. In the middle of a large attachment that must not count.
  static constexpr auto kLineStall = std::chrono::seconds(5);

  // The link carries nothing but packets, however long they take.
  static constexpr auto kLinkStall = std::chrono::hours(24);

  // To be sent, while it is not known how.
  static constexpr std::size_t kMaxHeld = 64 << 10;

  // What a console prints while nobody takes it. Beyond that the line is not read: better than to
  // lose it, or to fill the memory.
  static constexpr std::size_t kMaxHeldNoise = 1 << 20;

  [[nodiscard]] subunit::Result<std::vector<std::string>> prepare(
      const std::vector<std::string>& words);
  [[nodiscard]] bool line_congested() const {
    return to_server_ ? to_server_->congested() : held_.size() >= kMaxHeld;
  }
  void files_arrived();

  void open_raw(LineEnds line);
  void listen(LineEnds line);
  void open_link();
  void set_writer(Fd fd);
  void transmit(subunit::Bytes bytes);
  void transmitted();
  void turned();

  void receive(const subunit::Packet& packet);
  void batch_over();
  void receive_between(subunit::Bytes bytes);
  void release_line_feed();
  void receive_noise(subunit::Bytes bytes);
  void receive_printed(subunit::Bytes bytes);
  void held_for_long();
  void warn_of_echo(bool here);

  void end_command();
  void packets_ended();
  void link_opened();
  void link_ended();
  void line_ended();
  void check_end();
  void end_overdue();
  void terminate();

  uv_loop_t& loop_;
  const LineOptions& options_;
  Events events_;
  const Log& log_;
  Child command_;
  Timer end_timer_;  // once one of the two has ended: the command, or its output
  Timer last_words_timer_;
  Timer held_timer_;
  std::string program_;  // of the command, for people; with --push, all of it
  Preparation preparation_;
  std::optional<Writer> to_server_;  // once it is known how to reach it
  PacketReader from_server_;
  std::optional<LinkRelay> relay_;  // unless the line is known to have no link

  Line line_ = Line::kUnknown;
  subunit::Buffer held_;        // to be sent, once that is known
  subunit::Buffer held_noise_;  // while there is no flow
  bool flow_ = true;
  bool packet_seen_ = false;
  bool line_feed_held_ = false;  // the noise before the first packet ends with it
  bool finished_ = false;        // nothing more will be sent
  bool terminated_ = false;      // by us, when it had nothing more to do
  bool ended_ = false;
  std::optional<subunit::Time> grace_;  // once it was told to hang up
};

}  // namespace proxy
