#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "common/rpc/announcement.h"
#include "common/subunit/captured_output.h"
#include "proxy/channel/channel.h"
#include "proxy/posix/log.h"
#include "proxy/run/early_noise.h"
#include "proxy/run/link_watch.h"
#include "proxy/run/options.h"
#include "proxy/run/worker.h"

namespace proxy {

/// The other end of one channel: the proxy there, and the test servers behind it.
///
/// It gets from the channel's start to servers that answer, sorts packets by server, and keeps the
/// link under watch. What the servers are asked is its owner's business.
class Remote {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    /// For a worker at that route, or "".
    virtual WorkerNumber new_number(std::string_view route) = 0;
    /// The server answers: it takes lists and runs.
    virtual void opened(Worker& worker) = 0;
    /// A packet that is no message. `worker`: the server it comes from, if from one. `route`: the
    /// route code that the server itself gave it.
    virtual void result(Worker* worker, const subunit::Packet& packet,
                        std::optional<std::string_view> route) = 0;
    virtual void answered(Worker& worker, const std::string& nonce) = 0;
    virtual void failed(Worker& worker, const std::optional<std::string>& nonce,
                        const std::string& text) = 0;
    virtual void ponged(Worker& worker) = 0;
    /// The server has ended, or was lost; `why` is for people. Its state says whether it can come
    /// back.
    virtual void gone(Worker& worker, const std::string& why) = 0;
    /// Nothing more will come from here but over(). problem() says why, if that was too early.
    virtual void lost(Remote& remote) = 0;
    /// The channel has ended.
    virtual void over(Remote& remote) = 0;
    /// What came in one go has been handed out.
    virtual void batch() = 0;
    /// Packets that are made here of what is no packet.
    virtual void own_packets(const subunit::Buffer& packets) = 0;
  };

  Remote(uv_loop_t& loop, const RunOptions& options, const std::vector<std::string>& command,
         Owner& owner, const Log& log);

  /// An Error if the channel's command cannot be started.
  [[nodiscard]] subunit::Result<> start();

  /// Hands the server what its session has to say.
  void send_pending(Worker& worker);

  /// The proxy speaks of Watch and Respawn, and this server was not refused one.
  [[nodiscard]] bool can_respawn(const Worker& worker) const;
  /// Ends the server, if it still runs, and has it started again. `reason` is for people.
  void respawn(Worker& worker, const std::string& reason);

  /// Says Goodbye to all servers, and waits for the end.
  void leave(subunit::Time patience);
  /// Waits for nothing any more. The first problem given is the one that counts.
  void give_up(std::string problem);
  void hang_up(subunit::Time grace) {
    if (!over()) channel_.hang_up(grace);
  }

  /// The owner's outputs are full.
  void set_flow(bool on);

  /// To be called every second or so: keeps the proxy's lease, and notices a dead link.
  void pulse();

  /// A server is there, or may still come.
  [[nodiscard]] bool hopeful() const;
  [[nodiscard]] bool over() const { return phase_ == Phase::kOver; }
  [[nodiscard]] bool leaving() const { return phase_ >= Phase::kLeaving; }
  /// Its end came before its time, and the owner was told so by lost().
  [[nodiscard]] bool was_lost() const { return lost_; }
  [[nodiscard]] bool routed() const { return routed_; }
  [[nodiscard]] const std::string& problem() const { return problem_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::list<Worker>& workers() { return workers_; }

 private:
  enum class Phase {
    kReady,   // waiting for the proxy
    kAttach,  // for the first test server to be there
    kUp,
    kLeaving,  // all is said, or given up; waiting for the end of the channel
    kOver,
  };

  void enter(Phase phase, std::optional<subunit::Time> deadline = {});
  void deadline_passed();
  void greeting_overdue();

  void receive(const subunit::Packet& packet);
  void receive_announcement(const subunit::Packet& packet);
  void receive_noise(subunit::Bytes bytes);
  void receive_from(Worker& worker, const subunit::Packet& packet,
                    std::optional<std::string_view> route);
  void channel_ended();
  void lose();

  void ready(const subunit::rpc::Ready& ready, const std::string& from);
  void attached(const subunit::rpc::Attached& attached, const std::string& from);
  void detached(const subunit::rpc::Detached& detached, const std::string& from);
  void refused(const subunit::rpc::Refused& refused, const std::string& from);
  void alive(const subunit::rpc::Alive& alive, const std::string& from);

  struct Origin {
    Worker* worker;
    std::optional<std::string_view> route;
  };
  [[nodiscard]] Origin origin_of(const subunit::Packet& packet);
  [[nodiscard]] Worker* find(std::string_view route);
  void greet(Worker& worker);
  void forget(Worker& worker);
  void break_off(Worker& worker, const std::string& why);
  void end(Worker& worker, const std::string& why);
  [[nodiscard]] bool gets_hello_from_proxy(const Worker& worker);
  void send_routed(std::string_view route, subunit::Bytes packets);
  void watch(const std::string& proxy);
  void announce(const std::string& to, const subunit::rpc::Announcement& announcement);
  [[nodiscard]] std::string until_when(const Worker& worker) const;

  uv_loop_t& loop_;
  const RunOptions& options_;
  std::vector<std::string> command_;
  std::string name_;  // of the channel, for people
  Owner& owner_;
  const Log& log_;
  Channel channel_;
  Timer deadline_;
  Timer greeting_timer_;

  Phase phase_ = Phase::kReady;
  std::string problem_;   // the first thing that went wrong
  std::string proxy_;     // as its Ready names it
  bool watches_ = false;  // the proxy knows Watch and Respawn
  bool routed_ = false;
  bool lost_ = false;
  int to_come_ = 0;  // servers that the proxy will say Attached or Detached of for the first time
  std::set<std::string, std::less<>> greeted_proxies_;  // by route code: they have a Hello of ours
  std::list<Worker> workers_;
  Worker* last_ = nullptr;  // the one that the packet before came from
  struct Respawn {
    // The server that was there before has ended, so that the next end is that of the new one.
    bool is_gone;
    std::string reason;
  };
  std::map<Worker*, Respawn> respawns_;  // asked for, and not attached or refused yet
  std::set<const Worker*> cannot_respawn_;
  subunit::rpc::AttachmentAssembler announcements_;

  LinkWatch link_;
  EarlyNoise early_noise_;
  subunit::CapturedOutput noise_{"channel"};
};

}  // namespace proxy
