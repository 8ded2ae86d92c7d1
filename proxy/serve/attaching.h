#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "proxy/io/endpoint.h"
#include "proxy/io/log.h"
#include "proxy/io/packet_reader.h"
#include "proxy/io/watch.h"
#include "proxy/serve/options.h"

namespace proxy {

/// A connected test server whose right to be one was checked. The reader is paused, and may hold
/// packets that came already.
struct ServerConnection {
  std::unique_ptr<PacketReader> reader;
  Fd out;
  std::string address;
  std::optional<int> pid;
};

/// Waits until a test server dials in, or connects to one.
///
/// Who dials in proves itself with the token that only the server's environment carries, in an
/// Attach message as the first packet. On a unix socket its user does as well. If there is no
/// command that a token could be given to, the user counts on TCP too, unless this process's own
/// environment names a token. Anybody else is closed, and counted.
class Attaching {
 public:
  struct Events {
    std::function<void(ServerConnection)> attached;  ///< once; no more events after it
    std::function<void(std::string)> failed;         ///< the same: why no server is to be had
  };

  Attaching(uv_loop_t& loop, const ServeOptions& options, const Log& log, Events events);

  ~Attaching();

  /// Listens, if that is what was asked for.
  [[nodiscard]] subunit::Result<> prepare();

  /// Starts to accept or connect, and the timeout.
  void start();

  /// No more events.
  void stop();

  /// Where the server is to connect to or listen; for its environment.
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] bool listens() const { return static_cast<bool>(listener_); }
  [[nodiscard]] const std::string& token() const { return token_; }

 private:
  /// A connection whose right to be here is not known yet.
  struct Caller {
    explicit Caller(Fd fd) : out(std::move(fd)) {}

    Fd out;  // none: it was closed
    std::unique_ptr<PacketReader> reader;
    std::optional<Timer> patience;
  };

  void accept();
  void examine(Caller& caller, const subunit::Packet& packet);
  void reject(Caller& caller, std::string_view why);
  void admit(Caller& caller);
  void hand_over();
  void remove_closed();
  [[nodiscard]] bool trusted_by_user(int fd) const;

  void connect();
  void connected();
  void retry(std::string why);
  void give_up();
  void finish(ServerConnection connection);
  void fail(std::string why);

  uv_loop_t& loop_;
  const ServeOptions& options_;
  const Log& log_;
  Events events_;
  Timer timeout_;

  std::optional<Endpoint> endpoint_;
  std::string address_;
  std::string token_;
  bool token_known_elsewhere_ = false;  // it came from our environment, not out of thin air

  Fd listener_;
  std::optional<ino_t> socket_file_;  // that listening has made
  std::optional<ReadinessWatch> accept_watch_;
  std::list<Caller> callers_;
  Timer hand_over_timer_;
  Caller* admitted_ = nullptr;
  int rejected_ = 0;

  Fd connecting_;
  std::optional<ReadinessWatch> connect_watch_;
  Timer retry_timer_;
  std::string last_failure_;
};

}  // namespace proxy
