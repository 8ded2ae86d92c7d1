#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/io/limited_warning.h"
#include "proxy/io/owner_lookup.h"
#include "proxy/io/packet_reader.h"
#include "proxy/io/watch.h"
#include "proxy/net/endpoint.h"
#include "proxy/net/listener.h"
#include "proxy/posix/fd.h"
#include "proxy/posix/log.h"
#include "proxy/serve/serve.h"

namespace proxy {

/// A connected test server whose right to be one was checked. The reader is paused, and may hold
/// packets that came already.
struct ServerConnection {
  std::unique_ptr<PacketReader> reader;
  Fd out;
  std::string address;
  std::optional<int> pid;
  /// What an Attach message carries that still comes, if it was not the proof.
  std::optional<std::string> token = {};
};

/// Where test servers dial in: at the address of the options, and, if this proxy starts them, at a
/// unix socket of its own, which works whatever tests do to the network.
///
/// Who dials in proves itself, and says which server it is, with the token that only that server's
/// environment carries, in an Attach message as the first packet. On a unix socket of the options
/// its user is proof enough, where only one server is expected. If there is no command that a token
/// could be given to, the user counts on TCP too, unless this process's own environment names a
/// token. Anybody else is closed, and counted.
///
/// Other users can connect as often as they like. What they hold is bounded by a number of its own,
/// so that it costs none of our own user's connections anything; and nobody is closed before its
/// time to prove itself is over.
class Listening {
 public:
  using Attached = std::function<void(ServerConnection)>;

  Listening(uv_loop_t& loop, const ServeOptions& options, const Log& log);

  /// Binds the addresses. The system lets callers queue from now on.
  [[nodiscard]] subunit::Result<> open();

  /// For the environment of test servers, once it is open: the address of the options, and the one
  /// that no network setting touches, where there are these.
  [[nodiscard]] std::optional<std::string> address() const;
  [[nodiscard]] std::optional<std::string> local_address() const;
  /// The one of them that people know.
  [[nodiscard]] const std::string& main_address() const { return address_of(entrances_.front()); }

  /// Starts to accept.
  void start();

  /// Calls back once, for the server that has this token, unless forget() comes first.
  void expect(std::string token, Attached attached);
  void forget(const std::string& token);

  /// Calls back for each server that somebody else has started, while `has_room`.
  void welcome(std::function<bool()> has_room, Attached attached);

  /// Connections that were closed because they did not prove to be a test server.
  [[nodiscard]] int rejected() const { return rejected_; }

  /// No more callers.
  void close();

 private:
  struct Entrance {
    Entrance(Listener opened, bool is_own) : listener(std::move(opened)), own(is_own) {}

    Listener listener;
    const bool own;  // not an address of the options; whoever knows it has got a token, too
    std::optional<ReadinessWatch> watch;
  };

  /// A connection whose right to be here is not known yet.
  struct Caller {
    Caller(Fd fd, const Entrance& at, bool is_other_user)
        : out(std::move(fd)), entrance(at), other_user(is_other_user) {}

    Fd out;  // none: it was closed, or has become a test server
    const Entrance& entrance;
    const bool other_user;  // known to be that, or on another machine
    std::unique_ptr<PacketReader> reader;
    std::optional<Timer> attach_timer;
    std::optional<OwnerLookup> lookup;
    std::optional<std::string> token;  // that it has shown; none for one that is welcome anyway
    bool admitted = false;
  };
  struct Expected {
    std::string token;
    Attached attached;
  };

  [[nodiscard]] static const std::string& address_of(const Entrance& entrance) {
    return entrance.listener.address();
  }
  void accept(const Entrance& entrance);
  void receive(Fd fd, const Entrance& entrance);
  void pause();
  [[nodiscard]] bool trusts_user(const Entrance& entrance) const;
  [[nodiscard]] bool may_wait(bool other_user) const;
  void trust_if_ours(Caller& caller, std::optional<uid_t> user);
  void trust(Caller& caller);
  void examine(Caller& caller, const subunit::Packet& packet);
  void admit(Caller& caller, std::optional<std::string> token);
  void reject(Caller& caller, std::string_view why);
  void count_rejected(const Entrance& entrance, std::string_view why);
  void hand_over();
  void hand_over(Caller& caller);
  void remove_closed();
  [[nodiscard]] std::vector<Expected>::iterator find(std::string_view token);

  uv_loop_t& loop_;
  const ServeOptions& options_;
  const Log& log_;
  std::list<Entrance> entrances_;  // once it is open: the main one, and perhaps another

  std::vector<Expected> expected_;
  std::function<bool()> has_room_;
  Attached welcomed_;
  std::optional<std::string> known_token_;  // from our environment: whoever is welcome shows it
  std::list<Caller> callers_;
  Timer hand_over_timer_;
  Timer resume_timer_;  // after pause()
  bool told_of_pause_ = false;
  int rejected_ = 0;
  LimitedWarning warning_;
};

}  // namespace proxy
