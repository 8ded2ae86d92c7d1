#pragma once

#include <array>
#include <optional>
#include <string>

#include "common/rpc/announcement.h"
#include "proxy/io/packet_reader.h"
#include "proxy/io/watch.h"
#include "proxy/posix/log.h"
#include "proxy/serve/serve.h"
#include "proxy/serve/supervisor.h"
#include "proxy/sync/tree_receiver.h"

namespace proxy {

/// The end of the tunnel on the test machine: one channel, and the test servers behind it.
class Daemon {
 public:
  /// `in` and `out`: the channel.
  /// `idle`, optional: whether all that went to `out` has reached the client, where more can be on
  /// its way than a pipe or a socket holds.
  Daemon(uv_loop_t& loop, const ServeOptions& options, Fd in, Fd out, const Log& log,
         std::function<bool()> idle = nullptr);

  /// An Error if nothing could be started; the channel has carried nothing then.
  [[nodiscard]] subunit::Result<> start();

  /// Turn the loop until this is true.
  [[nodiscard]] bool over() const { return phase_ == Phase::kOver; }

  /// 0: every test server ended after a Goodbye, as the protocol says. 3: it ended otherwise.
  [[nodiscard]] int exit_status() const { return exit_status_; }

 private:
  enum class Phase {
    kStarting,  // until all is there that the test servers need
    kServing,
    kFlushing,  // all is said; the channel takes it, leftover processes are ended
    kOver,
  };

  void await_tree(const std::string& path);
  void announce_ready();

  // From the client.
  void receive(const subunit::Packet& packet);
  void receive_tree(const subunit::Packet& packet);
  void receive_request(const subunit::Packet& packet);
  void deliver(const subunit::Packet& packet);
  void deliver_by_route(const subunit::Packet& packet);
  void greet(const subunit::Packet& packet);
  void say_goodbye(const subunit::Packet& packet);
  void hold(const subunit::Packet& packet);
  void deliver_held();
  void batch_over();
  void adopt_lines();
  void receive_noise(subunit::Bytes bytes);
  void refuse(std::string text, std::optional<std::string> respawn = std::nullopt);
  void channel_ended();
  void channel_lost(std::string_view why);

  // To the client.
  void watch(const subunit::rpc::Watch& watch);
  void say_alive();
  void regulate();

  // The test servers.
  void server_attached(TestServer& server);
  void server_detached();
  [[nodiscard]] bool worth_waiting() const;

  // The end.
  void signalled(std::string_view name);
  void abandon();
  void stop(std::string_view why);
  void finish_if_alone();
  void finish();
  void end_if_possible();

  uv_loop_t& loop_;
  const ServeOptions& options_;
  const Log& log_;
  std::function<bool()> idle_;
  Phase phase_ = Phase::kStarting;
  int exit_status_ = 3;

  Writer to_client_;
  PacketReader from_client_;
  HangupWatch client_watch_;
  StopSignals signals_;
  Timer grace_timer_;
  Supervisor supervisor_;
  std::optional<TreeReceiver> tree_;  // keeps others away from it, too

  subunit::Buffer hello_;  // the client's, for every server that attaches later
  subunit::Buffer held_;   // a packet for the first server, which is not attached yet
  std::optional<subunit::rpc::Watch> watch_;
  Timer alive_timer_;
  subunit::Time said_alive_at_{0};
  Timer lease_timer_;
  bool heard_ = false;                // something has come from the client
  bool client_at_line_start_ = true;  // the last packet from it ended with a line feed of its own
  bool goodbye_said_ = false;         // to all
  bool client_finished_ = false;      // it sends no more
  bool client_lost_ = false;          // it reads no more
  bool stopped_ = false;              // this proxy has ended the servers
};

}  // namespace proxy
