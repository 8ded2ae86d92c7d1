#pragma once

#include <functional>
#include <optional>
#include <string>

#include "common/rpc/announcement.h"
#include "proxy/capture/capture.h"
#include "proxy/guard/guard_process.h"
#include "proxy/io/child.h"
#include "proxy/posix/log.h"
#include "proxy/serve/connecting.h"
#include "proxy/serve/listening.h"
#include "proxy/serve/serve.h"
#include "proxy/serve/upstream.h"

namespace proxy {

/// Who may read on. The channel decides that for all test servers.
struct Flow {
  bool results = true;  ///< what test servers send
  bool output = true;   ///< what they print: results go first
  bool operator==(const Flow&) const = default;
};

/// One test server, from its start to its end: its process, if this proxy started it, its
/// connection, and what it prints. Tells the client of its beginning and its end.
class TestServer {
 public:
  struct Events {
    std::function<void()> attached;  ///< it can be talked to
    std::function<void()> detached;  ///< it is gone, and all was said about it
    std::function<void()> over;      ///< later: so are the processes it left behind
    std::function<void()> flow;      ///< something was sent
  };

  struct Place {
    unsigned number;
    std::optional<std::string> route;      ///< the route code for its packets, if there is one
    std::optional<Endpoint> connect = {};  ///< where it listens, if it does
  };

  TestServer(uv_loop_t& loop, const ServeOptions& options, const Log& log, Writer& to_client,
             Listening& listening, GuardProcess& guard, Place place, Events events);

  /// Starts its command, if there is one, and waits for it to attach, within a time.
  void start();

  /// It is connected.
  void attach(ServerConnection connection);

  [[nodiscard]] bool attaching() const { return phase_ == Phase::kAttaching; }
  [[nodiscard]] bool attached() const { return phase_ == Phase::kRelaying; }
  [[nodiscard]] bool detached() const { return phase_ >= Phase::kLeaving; }
  [[nodiscard]] bool over() const { return phase_ == Phase::kOver; }

  /// Once detached: as the protocol says, after a Goodbye.
  [[nodiscard]] bool ended_well() const { return ended_well_; }

  // From the client, in batches that end with flush(). All but say_goodbye() is for an attached
  // server only.
  void forward(subunit::Bytes packet);
  /// The same, but the hop of its route code that led here is taken off.
  void forward(const subunit::Packet& packet);
  void flush();
  /// `packet` says Goodbye to it. One that is not attached yet, or has heard nothing yet, is ended
  /// instead: a conversation does not begin with Goodbye.
  void say_goodbye(const subunit::Packet& packet);
  /// The client sends no more.
  void finish();

  void set_flow(Flow flow);
  /// Bytes from the client that it has not taken yet, and whether more should wait.
  [[nodiscard]] std::size_t queued() const { return upstream_ ? upstream_->queued() : 0; }
  [[nodiscard]] bool congested() const { return upstream_ && upstream_->congested(); }

  /// What it is doing, but for the CPU time, which is to be had by session.
  [[nodiscard]] subunit::rpc::Alive::Server activity() const;
  [[nodiscard]] std::optional<pid_t> session() const;

  /// Ends it: TERM, and KILL after the grace period. `why` is said to the client.
  void stop(std::string why);

  /// The same, but one that was told Goodbye gets the grace period to end by itself.
  void retire(std::string why);

  /// Waits for nothing any more.
  void kill();

 private:
  enum class Phase {
    kAttaching,
    kRelaying,
    kDraining,  // it is gone or going: what it left is collected, within limits
    kLeaving,   // all is said; leftover processes are ended
    kOver,
  };

  [[nodiscard]] subunit::Result<> start_command();
  void attach_timed_out();
  void stop_attaching();
  void await_farewell();
  void drain();
  void command_ended();
  void drain_timer_fired();
  void conclude();
  void fail_open_tests(const std::string& why);
  [[nodiscard]] std::string describe_end() const;
  void leave();

  uv_loop_t& loop_;
  const ServeOptions& options_;
  const Log& log_;
  Writer& to_client_;
  Listening& listening_;
  GuardProcess& guard_;
  const Place place_;
  Events events_;
  Phase phase_ = Phase::kAttaching;
  const std::string token_;
  std::optional<Connecting> connecting_;
  Timer attach_timer_;

  Flow flow_;
  PacketBatch to_channel_;  // all that comes of the server, in order
  Capture capture_;
  std::optional<Upstream> upstream_;
  Child command_;
  bool goodbye_said_ = false;
  bool addressed_ = false;        // something was forwarded to it
  bool dismissed_ = false;        // Goodbye was said before that
  bool client_finished_ = false;  // it sends no more
  bool hung_up_ = false;          // it had to be ended after it had closed its connection
  bool retired_ = false;          // it was to be replaced: its end is no news
  bool ended_well_ = false;
  std::string stop_reason_;  // why this proxy ended it; empty if it did not
  Timer farewell_timer_;
  Timer drain_timer_;
  Timer leave_timer_;
};

}  // namespace proxy
