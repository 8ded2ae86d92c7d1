#include "proxy/serve/connecting.h"

#include <sys/socket.h>

#include <cstring>

#include "proxy/posix/endpoint.h"

namespace proxy {

using std::chrono::milliseconds;

namespace {

constexpr auto kRetryInterval =
    milliseconds(20);  // a server takes longer to start; this adds little

/// TCP lets a socket on an ephemeral port connect to itself.
bool is_connected_to_itself(int fd) {
  sockaddr_storage ours{}, theirs{};
  socklen_t our_size = sizeof ours, their_size = sizeof theirs;
  return ::getsockname(fd, reinterpret_cast<sockaddr*>(&ours), &our_size) == 0 &&
         ::getpeername(fd, reinterpret_cast<sockaddr*>(&theirs), &their_size) == 0 &&
         ours.ss_family != AF_UNIX && our_size == their_size &&
         std::memcmp(&ours, &theirs, our_size) == 0;
}

}  // namespace

Connecting::Connecting(uv_loop_t& loop, const Endpoint& endpoint, const ServeOptions& options,
                       Events events)
    : loop_(loop),
      endpoint_(endpoint),
      address_(endpoint.text()),
      options_(options),
      events_(std::move(events)),
      retry_timer_(loop, [this] { connect(); }) {}

void Connecting::stop() {
  retry_timer_.stop();
  if (connect_watch_) connect_watch_->stop();
  connecting_.reset();
}

void Connecting::connect() {
  auto fd = endpoint_.connect();
  if (!fd) return retry(fd.error().text);
  connecting_ = std::move(*fd);
  last_failure_ = fmt::format("{} does not answer", address_);
  connect_watch_.emplace(loop_, connecting_.get(), UV_WRITABLE, [this] { connected(); });
}

void Connecting::connected() {
  connect_watch_->stop();
  auto result = Endpoint::connect_result(connecting_.get());
  if (!result) return retry(fmt::format("cannot connect to {}: {}", address_, result.error().text));
  if (is_connected_to_itself(connecting_.get()))
    return retry(fmt::format("cannot connect to {}: nothing is listening there", address_));
  if (!options_.any_owner) {
    if (const auto owner = endpoint_.check_owner(connecting_.get()); !owner) {
      return fail(
          fmt::format("refused to use the test server at {}: {} (--any-owner uses it all the same)",
                      address_, owner.error().text));
    }
  }
  ServerConnection connection{nullptr, std::move(connecting_), address_, {}};
  connection.reader = std::make_unique<PacketReader>(
      loop_, duplicate(connection.out.get()), PacketReader::Events{},
      options_.routed() ? PacketReader::kSmallCapacity : PacketReader::kCapacity);
  if (endpoint_.is_unix()) connection.pid = unix_peer_pid(connection.out.get());
  events_.connected(std::move(connection));
}

void Connecting::retry(std::string why) {
  connecting_.reset();
  if (options_.command.empty()) return fail(std::move(why));
  last_failure_ = std::move(why);
  retry_timer_.start(kRetryInterval);
}

void Connecting::fail(std::string why) {
  stop();
  events_.failed(std::move(why));
}

}  // namespace proxy
