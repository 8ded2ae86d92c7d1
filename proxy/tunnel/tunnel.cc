#include "proxy/tunnel/tunnel.h"

#include <sys/socket.h>

#include "proxy/io/handle.h"
#include "proxy/io/watch.h"
#include "proxy/posix/endpoint.h"
#include "proxy/posix/stdio.h"
#include "proxy/tunnel/tunnel_relay.h"

namespace proxy {

using subunit::error;
using subunit::Result;

namespace {

class Tunnel {
 public:
  Tunnel(uv_loop_t& loop, const TunnelOptions& options, const Log& log)
      : loop_(loop),
        options_(options),
        log_(log),
        signals_(loop, [this](const char*) { interrupt(); }) {}

  ~Tunnel() { stop_listening(); }

  /// Waits for a client at the address of the options.
  Result<> listen() {
    auto listener = options_.listen->listen();
    if (!listener) return tl::unexpected(listener.error());
    listener_ = std::move(*listener);
    endpoint_ = Endpoint::of_socket(listener_.get());
    socket_file_ = endpoint_->inode();
    log_.screen().print(fmt::format("subunit-proxy: listening on {}\n", endpoint_->text()));
    if (options_.ready_fd) {
      if (auto told = notify_fd(*options_.ready_fd, endpoint_->text()); !told) return told;
    }
    accept_watch_.emplace(loop_, listener_.get(), UV_READABLE, [this] { accept(); });
    return {};
  }

  /// Opens the channel for a client that is there.
  Result<> open(Fd from_client, Fd to_client) {
    relay_.emplace(loop_, options_.line, std::move(from_client), std::move(to_client), log_);
    return relay_->start(options_.channel);
  }

  [[nodiscard]] bool over() const { return !problem_.empty() || (relay_ && relay_->over()); }

  /// An Error if there was no channel, or it did not end well. Valid once over.
  [[nodiscard]] Result<> result() const {
    const std::string& problem = problem_.empty() ? relay_->problem() : problem_;
    if (!problem.empty()) return error("{}", problem);
    return {};
  }

 private:
  void accept() {
    Fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client) return;  // it has gone again, or there are no descriptors left: later
    const auto owner =
        endpoint_->is_unix() ? unix_peer_owner(client.get()) : tcp_peer_owner(client.get());
    if (!options_.any_owner && owner != ::geteuid()) {
      log_.warning(
          "closed a connection to {} that comes from another user or machine (use --any-owner to "
          "accept it)",
          endpoint_->text());
      return;
    }
    stop_listening();
    set_no_delay(client.get());
    Fd in = duplicate(client.get());
    if (const auto opened = open(std::move(in), std::move(client)); !opened)
      problem_ = opened.error().text;
  }

  void stop_listening() {
    if (accept_watch_) accept_watch_->stop();
    listener_.reset();
    if (socket_file_) endpoint_->remove(*socket_file_);
    socket_file_.reset();
  }

  void interrupt() {
    if (relay_) return relay_->interrupt();
    problem_ = "interrupted before a client came";
  }

  uv_loop_t& loop_;
  const TunnelOptions& options_;
  const Log& log_;
  StopSignals signals_;
  Fd listener_;
  std::optional<Endpoint> endpoint_;
  std::optional<ino_t> socket_file_;
  std::optional<ReadinessWatch> accept_watch_;
  std::optional<TunnelRelay> relay_;  // once there is a client
  std::string problem_;               // why there is no channel
};

Result<> listen_and_relay(const TunnelOptions& options, const Log& log) {
  Loop loop;
  Tunnel tunnel(loop.get(), options, log);
  if (auto listening = tunnel.listen(); !listening) return listening;
  loop.run_until([&tunnel] { return tunnel.over(); });
  return tunnel.result();
}

Result<> relay_stdio(const TunnelOptions& options, const Log& log) {
  const auto in = PrivateStream::take_stdin();
  if (!in) return tl::unexpected(in.error());
  const auto out = PrivateStream::take_stdout();
  if (!out) return tl::unexpected(out.error());
  Loop loop;
  Tunnel tunnel(loop.get(), options, log);
  if (auto opened = tunnel.open(in->duplicate(), out->duplicate()); !opened) return opened;
  loop.run_until([&tunnel] { return tunnel.over(); });
  return tunnel.result();
}

}  // namespace

int tunnel(const TunnelOptions& options, const Log& log) {
  const auto result = options.listen ? listen_and_relay(options, log) : relay_stdio(options, log);
  if (result) return 0;
  log.error("{}", result.error().text);
  return 3;
}

}  // namespace proxy
