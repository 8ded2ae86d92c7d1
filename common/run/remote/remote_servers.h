#pragma once

#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "common/base/bytes.h"
#include "common/rpc/announcement.h"
#include "common/run/observer.h"
#include "common/run/options.h"
#include "common/run/remote/route_table.h"
#include "common/run/worker.h"

namespace subunit::run {

/// Is told what becomes of servers, at once.
class ServerOwner {
 public:
  virtual ~ServerOwner() = default;
  /// The server answers: it takes lists and runs.
  virtual void opened(Worker& worker) = 0;
  /// No other server can be started in its place, and it takes lists and runs as before.
  virtual void kept(Worker& worker) = 0;
  /// A packet that is not a message. `worker`: the server it comes from, if from one. `route`: the
  /// route code that the server itself gave it.
  virtual void result(Worker* worker, const Packet& packet,
                      std::optional<std::string_view> route) = 0;
  virtual void answered(Worker& worker, const std::string& nonce) = 0;
  virtual void failed(Worker& worker, const std::optional<std::string>& nonce,
                      const std::string& text) = 0;
  /// The server has ended, or was lost; `why` is for people. The worker's state says whether
  /// another one may come. `expected`: it was asked to end, and had nothing to do.
  virtual void gone(Worker& worker, const std::string& why, bool expected) = 0;
  /// After Goodbye, a server has not ended as it should. `worker`: if that is known. False: that is
  /// a problem of the run, which may not have all answers.
  [[nodiscard]] virtual bool forgives(const Worker* worker, const std::string& why) = 0;
};

/// The test servers behind one proxy: who is there, who answers, who is started again, and what
/// becomes of a worker with everything that is heard of it.
class RemoteServers {
 public:
  /// The proxy, and the way to it.
  class Uplink {
   public:
    virtual ~Uplink() = default;
    [[nodiscard]] virtual Time now() const = 0;
    /// All is said: nothing is started any more.
    [[nodiscard]] virtual bool leaving() const = 0;
    /// The proxy knows Respawn.
    [[nodiscard]] virtual bool knows_respawn() const = 0;
    virtual void send(Bytes packets) = 0;
    /// `to`: the route code of a proxy behind this one, or "".
    virtual void announce(std::string_view to, const rpc::Announcement& announcement) = 0;
    /// Nothing can come of this channel any more.
    virtual void give_up(std::string problem) = 0;
    /// Something is wrong with this channel. The first problem is the one that counts.
    virtual void add_problem(const std::string& problem) = 0;
    virtual void tell(Incident::Kind kind, const std::string& text) = 0;
  };

  /// All outlive this. `channel`: the number of the channel to them.
  RemoteServers(const Options& options, Uplink& uplink, ServerOwner& owner, WorkerNumbers& numbers,
                std::size_t channel)
      : options_(options),
        uplink_(uplink),
        owner_(owner),
        table_(*this, numbers),
        channel_(channel) {}
  RemoteServers(const RemoteServers&) = delete;

  // What comes.

  /// There is no proxy: the other end of the channel is a test server.
  void add_direct();
  // `from`: the route code of the proxy that says so, or "".
  /// So many servers are going to be Attached or Detached. What was taken for a server at `from` is
  /// a proxy, then, and has passed our Hello on to all of its own.
  void expect(int servers, const std::string& from);
  void attached(const rpc::Attached& attached, const std::string& from);
  void detached(const rpc::Detached& detached, const std::string& from);
  void refused(const rpc::Refused& refused, const std::string& from);
  void alive(const rpc::Alive& alive, const std::string& from);
  /// Any packet that is not a message of a proxy.
  void receive(const Packet& packet);
  /// The channel has ended: what it ended too early for, if there is such a server.
  [[nodiscard]] std::optional<std::string> receive_eof();
  /// None of them is ever heard of again.
  void lose_all(const std::string& why);
  /// That has happened: what ends a server now is the loss of the way to it.
  [[nodiscard]] bool lost() const { return lost_; }

  /// Those that have not answered Hello in time, or have not come back.
  void check_greetings();
  /// Time is up for servers that were announced and have not come: they are not waited for.
  void stop_expecting() {
    any_missed_ |= expects_more();
    to_come_.clear();
  }
  /// That has happened.
  [[nodiscard]] bool any_missed() const { return any_missed_; }
  /// Some were announced, and have not come.
  [[nodiscard]] bool expects_more() const;
  [[nodiscard]] std::optional<Time> next_deadline() const;

  // What is decided elsewhere.

  /// The proxy can start another server in this place.
  [[nodiscard]] bool can_restart(const Worker& worker) const {
    return uplink_.knows_respawn() && !uplink_.leaving() && worker.can_restart;
  }
  /// Ends the server, if it still runs, and has another one started: a kReplace, kRecycle or
  /// kRestart of the worker. `reason` is for people.
  void restart(Worker& worker, Worker::Step step, const std::string& reason);
  /// The server could not be replaced: nothing it says counts any more.
  void abandon(Worker& worker, const std::string& why);
  /// Gives up what they were asked, where they speak a version that has Cancel.
  void cancel();
  void cancel(Worker& worker, const std::string& nonce);
  /// Sends what the sessions have to say.
  void send_pending();
  /// The sessions are told that Goodbye was said to all of them.
  void said_goodbye();

  /// The number of the channel to them, from 0.
  [[nodiscard]] std::size_t channel() const { return channel_; }
  /// One has answered Hello, and is there.
  [[nodiscard]] bool answer() const;
  /// One has answered Hello, be it there still or not.
  [[nodiscard]] bool has_answered() const;
  /// A server is there, or may still come.
  [[nodiscard]] bool can_progress() const;
  /// The same, of this place.
  [[nodiscard]] bool can_progress(const Worker& worker) const {
    return worker.can_progress() || (worker.state() == Worker::State::kGone && can_restart(worker));
  }
  /// Packets have a route code, since there can be several. Known with the first server.
  [[nodiscard]] bool routed() const { return table_.routed(); }
  /// Nothing has been heard yet of a server: of the first one, or of the first behind a proxy that
  /// was taken for the only one.
  [[nodiscard]] bool awaits_first() const;
  [[nodiscard]] std::list<Worker>& workers() { return table_.workers(); }
  [[nodiscard]] const std::list<Worker>& workers() const { return table_.workers(); }

 private:
  /// When a server that was asked for has to be there: the proxy, whose own time-out may be the
  /// same, is to speak first.
  [[nodiscard]] Time back_by(const Worker& worker) const {
    return worker.signs.since + options_.attach_timeout + options_.hello_timeout;
  }
  void first(const std::string& route);
  bool forget_proxies(const std::string& route);
  void greet(Worker& worker);
  void receive_from(Worker& worker, const Packet& packet, std::optional<std::string_view> route);
  void break_off(Worker& worker, const std::string& why);
  void end(Worker& worker, const std::string& why, bool expected);
  void send_pending(Worker& worker);

  const Options& options_;
  Uplink& uplink_;
  ServerOwner& owner_;
  RouteTable table_;
  const std::size_t channel_;
  bool any_known_ = false;
  bool lost_ = false;
  bool any_missed_ = false;
  bool awaits_inner_ = false;  // a proxy behind this one has said Ready, and no more
  std::map<std::string, int, std::less<>> to_come_;     // by the route code of their proxy
  std::set<std::string, std::less<>> greeted_proxies_;  // by route code: they have a Hello of ours
};

}  // namespace subunit::run
