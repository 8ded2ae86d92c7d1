#pragma once

#include <array>
#include <optional>
#include <string>

#include "common/rpc/announcement.h"
#include "proxy/io/child.h"
#include "proxy/io/log.h"
#include "proxy/io/packet_reader.h"
#include "proxy/io/stdio.h"
#include "proxy/io/watch.h"
#include "proxy/serve/attaching.h"
#include "proxy/serve/capture.h"
#include "proxy/serve/options.h"
#include "proxy/serve/upstream.h"

namespace proxy {

/// The end of the tunnel on the test machine: one channel, one test server behind it.
class Daemon {
 public:
  Daemon(uv_loop_t& loop, const ServeOptions& options, const PrivateStream& in,
         const PrivateStream& out, const Log& log);

  /// An Error if nothing could be started; the channel has carried nothing then.
  [[nodiscard]] subunit::Result<> start();

  /// Turn the loop until this is true.
  [[nodiscard]] bool over() const { return phase_ == Phase::kOver; }

  /// 0: the server ended after a Goodbye, as the protocol says. 3: it ended otherwise.
  [[nodiscard]] int exit_status() const { return exit_status_; }

 private:
  enum class Phase {
    kStarting,
    kAttaching,  // no test server yet
    kRelaying,
    kDraining,  // the server is gone or going: what it left is collected, within limits
    kFlushing,  // all is said; the channel takes it, leftover processes are ended
    kOver,
  };

  void enter(Phase phase);

  // The channel.
  void receive(const subunit::Packet& packet);
  void receive_noise(subunit::Bytes bytes);
  void refuse(std::string text);
  void channel_ended();
  void channel_lost(std::string_view why);
  void await_farewell();
  void announce(const subunit::Announcement& announcement);
  void regulate();

  // The server.
  [[nodiscard]] subunit::Result<> start_command();
  void attached(ServerConnection connection);
  void attach_failed(std::string why);
  void captured(subunit::Bytes packets);
  void signalled(std::string_view name);
  void abandon();
  void stop(std::string why);
  void drain();
  void command_ended();
  void drain_timer_fired();
  void conclude();
  void fail_open_tests(const std::string& why);
  [[nodiscard]] std::string describe_end() const;
  void finish_if_possible();

  uv_loop_t& loop_;
  const ServeOptions& options_;
  const Log& log_;
  Phase phase_ = Phase::kStarting;
  int exit_status_ = 3;

  Writer to_client_;
  PacketReader from_client_;
  HangupWatch client_watch_;
  std::array<SignalWatch, 4> signals_;
  Timer impatience_;

  Capture capture_;
  Attaching attaching_;
  std::optional<Upstream> upstream_;
  Child command_;
  bool goodbye_said_ = false;
  bool client_finished_ = false;  // it sends no more
  bool client_lost_ = false;      // it reads no more
  bool hung_up_ = false;          // the server had to be ended after it had closed its connection
  std::string stop_reason_;       // why this proxy ended the server; empty if it did not
  Timer farewell_timer_;
  Timer drain_timer_;
  Timer flush_timer_;
};

}  // namespace proxy
