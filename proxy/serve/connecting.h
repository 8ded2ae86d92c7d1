#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/io/owner_lookup.h"
#include "proxy/io/watch.h"
#include "proxy/net/endpoint.h"
#include "proxy/serve/listening.h"
#include "proxy/serve/serve.h"

namespace proxy {

/// Connects to a test server that listens: again and again if a command was started for it that
/// takes its time, otherwise once.
///
/// Somebody else may listen there, or may have listened when the connection was made. So the server
/// shows the token that it was given, in an Attach message as its first packet. One that shows none
/// is used if a process of our own user holds the other end of this very connection, or if the
/// options say that any owner will do.
class Connecting {
 public:
  struct Events {
    std::function<void(ServerConnection)> connected;  ///< once; no more events after it
    std::function<void(std::string)> failed;          ///< the same: why no server is to be had
  };

  /// `token`: what the server was given, if a command was started.
  Connecting(uv_loop_t& loop, const Endpoint& endpoint, const ServeOptions& options,
             std::string_view token, const Log& log, Events events);

  void start() { connect(); }

  /// No more events.
  void stop();

  [[nodiscard]] const std::string& address() const { return address_; }

  /// Why it is not connected yet.
  [[nodiscard]] const std::string& last_failure() const { return last_failure_; }

 private:
  void connect();
  void connected();
  void examine();
  void judge(TcpPeer peer);
  void judge(uid_t user);
  void use();
  void turn_away(const std::string& why);
  void retry(std::string why);
  void fail(std::string why);

  uv_loop_t& loop_;
  const Endpoint endpoint_;
  const std::string address_;
  const ServeOptions& options_;
  const std::string_view token_;
  const Log& log_;
  Events events_;
  Fd connecting_;
  std::optional<ReadinessWatch> connect_watch_;
  Timer retry_timer_;
  Timer examine_timer_;
  std::optional<OwnerLookup> lookup_;
  subunit::Time examined_since_{0};
  std::string last_failure_;
  std::string last_warning_;
};

}  // namespace proxy
