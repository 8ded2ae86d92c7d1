#include "proxy/tunnel/tunnel.h"

#include <cerrno>
#include <cstring>

#include "proxy/io/handle.h"
#include "proxy/io/limited_warning.h"
#include "proxy/io/owner_lookup.h"
#include "proxy/io/watch.h"
#include "proxy/net/endpoint.h"
#include "proxy/net/listener.h"
#include "proxy/net/socket_owner.h"
#include "proxy/posix/stdio.h"
#include "proxy/tunnel/tunnel_relay.h"

namespace proxy {

using subunit::error;
using subunit::Result;

namespace {

constexpr int kMaxAccepted = 256;  // before something else has its turn

class Tunnel {
 public:
  Tunnel(uv_loop_t& loop, const TunnelOptions& options, const Log& log)
      : loop_(loop),
        options_(options),
        log_(log),
        signals_(loop, [this](const char*) { interrupt(); }),
        warning_(loop, log) {}

  /// Waits for a client at the address of the options.
  Result<> listen() {
    auto listener = Listener::open(*options_.listen);
    if (!listener) return tl::unexpected(listener.error());
    listener_ = std::move(*listener);
    log_.screen().print(fmt::format("subunit-proxy: listening on {}\n", listener_->address()));
    if (options_.ready_fd) {
      if (auto told = notify_fd(*options_.ready_fd, listener_->address()); !told) return told;
    }
    await_client();
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
  void await_client() {
    accept_watch_.emplace(loop_, listener_->fd(), UV_READABLE, [this] { accept(); });
  }

  void accept() {
    // Whoever connects again and again must not fill the queue of those that wait.
    for (int count = 0; count < kMaxAccepted && listener_ && !client_; ++count) {
      client_ = listener_->accept();
      if (!client_ && (errno == EMFILE || errno == ENFILE))
        problem_ = fmt::format("cannot accept a client: {}", std::strerror(errno));
      if (!client_) return;
      examine();
    }
  }

  /// Leaves `client_` empty if it is turned away, and as it is if that takes time.
  void examine() {
    if (options_.any_owner) return serve();
    if (listener_->is_unix()) return judge(unix_peer_owner(client_.get()));
    if (const auto peer = ask_for_tcp_peer(TcpConnection::of_socket(client_.get())))
      return judge(peer->user);
    accept_watch_->stop();  // one after the other
    lookup_.emplace(loop_, client_.get(), [this](TcpPeer peer) {
      judge(peer.user);
      if (!relay_) await_client();
    });
  }

  void judge(std::optional<uid_t> user) {
    if (user == ::geteuid()) return serve();
    client_.reset();
    warning_.add(fmt::format(
        "closed a connection to {} that comes from another user or machine (use --any-owner to "
        "accept it)",
        listener_->address()));
  }

  void serve() {
    warning_.flush();
    accept_watch_->stop();
    listener_.reset();
    set_no_delay(client_.get());
    Fd in = duplicate(client_.get());
    if (!in) {
      problem_ = fmt::format("cannot serve the client: {}", std::strerror(errno));
      return;
    }
    if (const auto opened = open(std::move(in), std::move(client_)); !opened)
      problem_ = opened.error().text;
  }

  void interrupt() {
    if (relay_) return relay_->interrupt();
    problem_ = "interrupted before a client came";
  }

  uv_loop_t& loop_;
  const TunnelOptions& options_;
  const Log& log_;
  StopSignals signals_;
  std::optional<Listener> listener_;
  std::optional<ReadinessWatch> accept_watch_;
  Fd client_;  // one whose user is not known yet
  std::optional<OwnerLookup> lookup_;
  LimitedWarning warning_;
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
