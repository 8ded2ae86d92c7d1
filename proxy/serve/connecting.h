#pragma once

#include <functional>
#include <optional>
#include <string>

#include "proxy/io/watch.h"
#include "proxy/posix/endpoint.h"
#include "proxy/serve/listening.h"
#include "proxy/serve/serve.h"

namespace proxy {

/// Connects to a test server that listens: again and again if a command was started for it that
/// takes its time, otherwise once.
///
/// Unless the options say that any owner will do, the other end has to belong to this process's
/// user.
class Connecting {
 public:
  struct Events {
    std::function<void(ServerConnection)> connected;  ///< once; no more events after it
    std::function<void(std::string)> failed;          ///< the same: why no server is to be had
  };

  Connecting(uv_loop_t& loop, const Endpoint& endpoint, const ServeOptions& options, Events events);

  void start() { connect(); }

  /// No more events.
  void stop();

  [[nodiscard]] const std::string& address() const { return address_; }

  /// Why it is not connected yet.
  [[nodiscard]] const std::string& last_failure() const { return last_failure_; }

 private:
  void connect();
  void connected();
  void retry(std::string why);
  void fail(std::string why);

  uv_loop_t& loop_;
  const Endpoint endpoint_;
  const std::string address_;
  const ServeOptions& options_;
  Events events_;
  Fd connecting_;
  std::optional<ReadinessWatch> connect_watch_;
  Timer retry_timer_;
  std::string last_failure_;
};

}  // namespace proxy
