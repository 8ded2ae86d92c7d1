#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/rpc/announcement.h"
#include "common/rpc/attachment.h"
#include "common/run/observer.h"
#include "common/run/options.h"
#include "common/run/remote/channel_watch.h"
#include "common/run/remote/remote_servers.h"
#include "common/subunit/captured_output.h"

namespace subunit::run {

/// The other end of one channel: the proxy there, and the test servers behind it.
///
/// It gets from the channel's start to servers that answer, sorts packets by server, and keeps the
/// link under watch. What the servers are asked is its owner's business. It does no I/O: whoever
/// has the channel hands in what comes, calls tick() at next_deadline(), and after each of these
/// sends pending_output() and does what finished() and hang_up() say.
class RemoteProxy : private RemoteServers::Uplink {
 public:
  /// Is told what happens, at once.
  class Owner : public ServerOwner {
   public:
    /// Nothing more will come from here but over(). problem() says why, if that was too early.
    virtual void lost(RemoteProxy& remote) = 0;
    /// The channel has ended.
    virtual void over(RemoteProxy& remote) = 0;
    /// What is not a packet, as packets.
    virtual void noise(const Buffer& packets) = 0;
    virtual void tell(const Incident& incident) = 0;
  };

  /// The channel, for people.
  struct Channel {
    std::string name;
    /// What it is waiting for until the proxy has said Ready: "for the proxy to …".
    std::function<std::string()> awaited;
    /// How far it had got if it has ended before that: "before …" or "while …". Empty: how it has
    /// ended tells that.
    std::function<std::string()> how_far;
    /// Of the run's channels, from 0. Channels::add() sets it.
    std::size_t number = 0;
  };

  /// `options`, `owner` and `numbers` are the caller's, and live longer.
  RemoteProxy(const Options& options, Channel channel, Owner& owner, WorkerNumbers& numbers);
  RemoteProxy(const RemoteProxy&) = delete;

  // What happens. `now` never goes back.

  /// The channel's command runs.
  void start(Time now);
  /// Its command could not be started, or will not be: this is over.
  void fail_to_start(std::string problem);
  /// Something goes on before Ready, which is waited for from now on.
  void preparing(Time now);
  /// `packet` is a view into what the caller keeps until it has flushed its observers.
  void receive(const Packet& packet, Time now);
  void receive_noise(Bytes bytes, Time now);
  /// Something has come, whatever it was. A packet may take minutes on its way over a serial line.
  void heard(Time now) { link_.heard(now); }
  /// For how long nothing has come of a proxy that should report every second that it is alive;
  /// zero unless that is too long for a reason other than chance.
  [[nodiscard]] Time silence(Time now) const {
    const Time silence = watches_ ? link_.silence(now) : Time(0);
    return silence >= LinkWatch::kSilence ? silence : Time(0);
  }
  /// The channel has ended; `how`, for people: "\"ssh\" exited with status 255".
  void channel_ended(std::string_view how, Time now);
  /// False: the owner's outputs are full, and nothing is read until they are not.
  void set_flow(bool on, Time now);
  void tick(Time now);
  /// When tick() has something to do; nothing if not before something else happens.
  [[nodiscard]] std::optional<Time> next_deadline() const;

  // What is to be done with the channel.

  /// What to send. Valid until the next call of any other function.
  [[nodiscard]] Bytes pending_output();
  void consume_output(std::size_t size);
  /// Nothing comes behind pending_output(): the channel's stdin is to be closed.
  [[nodiscard]] bool finished() const { return finished_; }
  /// The channel is not waited for: its command is to be ended, and killed after this long.
  [[nodiscard]] std::optional<Time> hang_up() const { return hang_up_; }
  /// From now on the line carries packets, and little else.
  [[nodiscard]] bool expects_packets() const { return phase_ > Phase::kReady; }
  /// A proxy has said that it is ready.
  [[nodiscard]] bool heard_proxy() const { return !proxy_.empty(); }

  // What the owner decides.

  /// Gives up what the servers were asked, where they know how to. False: none answers.
  bool cancel() {
    servers_.cancel();
    return answers();
  }
  [[nodiscard]] bool answers() const { return servers_.answer(); }
  /// A server may come of which nothing is known yet.
  [[nodiscard]] bool expects_more() const {
    return !over() && !leaving() && (servers_.awaits_first() || servers_.expects_more());
  }
  /// Each server that was announced is there, and has answered.
  [[nodiscard]] bool all_answer() const {
    return !servers_.any_missed() && !expects_more() &&
           std::ranges::all_of(workers(), &Worker::is_open);
  }
  /// Says Goodbye to all servers, and waits for the end.
  void leave(Time timeout);
  /// Waits for nothing any more. The first problem given is the one that counts.
  void give_up(std::string problem) override;
  /// Ends the channel's command, and kills it after `grace`, or sooner if that was asked for
  /// before.
  void hang_up(Time grace);

  /// Nothing has come from the other end yet: the channel's command may be asking for a password.
  [[nodiscard]] bool may_be_asking() const {
    return phase_ == Phase::kReady || (options_.direct && phase_ == Phase::kUp && !answers());
  }
  /// The channel's command does not run yet, since something has to be done before.
  [[nodiscard]] bool being_set_up() const { return phase_ == Phase::kSetup; }
  /// A server is there, or may still come.
  [[nodiscard]] bool can_progress() const { return servers_.can_progress(); }
  [[nodiscard]] bool over() const { return phase_ == Phase::kOver; }
  [[nodiscard]] bool leaving() const override { return phase_ >= Phase::kLeaving; }
  /// Its end came before its time, and the owner was told so by lost().
  [[nodiscard]] bool was_lost() const { return lost_; }
  [[nodiscard]] bool routed() const { return servers_.routed(); }
  [[nodiscard]] const std::string& problem() const { return problem_; }
  [[nodiscard]] const std::string& name() const { return channel_.name; }
  [[nodiscard]] std::size_t number() const { return channel_.number; }
  [[nodiscard]] std::list<Worker>& workers() { return servers_.workers(); }
  [[nodiscard]] const std::list<Worker>& workers() const { return servers_.workers(); }

 private:
  enum class Phase {
    kSetup,    // the channel's command does not run yet
    kReady,    // waiting for the proxy
    kUp,       // at first without any test server
    kLeaving,  // all is said, or given up; waiting for the end of the channel
    kOver,
  };

  [[nodiscard]] Time now() const override { return now_; }
  [[nodiscard]] bool knows_respawn() const override { return watches_; }
  void send(Bytes packets) override;
  void announce(std::string_view to, const rpc::Announcement& announcement) override;
  void add_problem(const std::string& problem) override {
    if (problem_.empty()) problem_ = problem;
  }
  void tell(Incident::Kind kind, const std::string& text) override;

  void enter(Phase phase, std::optional<Time> timeout = {});
  [[nodiscard]] bool has_deadline() const;
  [[nodiscard]] bool awaits_answer() const;
  [[nodiscard]] Time answered_by() const;
  void phase_overdue();
  void check_link();
  void receive_announcement(const Packet& packet);
  void ready(const rpc::Ready& ready, const std::string& from);
  void watch(std::string_view proxy);
  void lose();
  [[nodiscard]] std::string early_end(std::string_view how) const;

  const Options& options_;
  const Channel channel_;
  Owner& owner_;
  RemoteServers servers_;

  Time now_{};
  Phase phase_ = Phase::kSetup;
  std::optional<Time> deadline_;  // of the phase
  std::string problem_;           // the first thing that went wrong
  std::string proxy_;             // as its Ready names it
  std::optional<Time> up_since_;  // its Ready, or that of the latest proxy behind it
  int inner_proxies_ = 0;         // that have said Ready
  bool watches_ = false;          // the proxy knows Watch and Respawn
  bool flow_ = true;
  bool lost_ = false;
  rpc::AttachmentAssembler announcements_;

  LinkWatch link_;
  EarlyNoise early_noise_;
  CapturedOutput noise_{"channel"};

  Buffer output_;
  bool finished_ = false;
  std::optional<Time> hang_up_;
};

/// A command for people: its words, escaped and cut.
[[nodiscard]] std::string channel_name(const std::vector<std::string>& command);

}  // namespace subunit::run
