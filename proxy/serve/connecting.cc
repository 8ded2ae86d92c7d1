#include "proxy/serve/connecting.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "common/rpc/attachment.h"
#include "common/subunit/decoder.h"
#include "proxy/net/endpoint.h"
#include "proxy/net/socket_owner.h"
#include "proxy/posix/token.h"

namespace proxy {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr auto kRetryInterval =
    milliseconds(20);  // a server takes longer to start; this adds little
constexpr auto kTurnedAwayInterval = milliseconds(250);  // somebody else is there, and may stay
constexpr auto kExamineInterval = milliseconds(5);       // until the connection is accepted
constexpr auto kTokenTimeout = seconds(1);               // it comes at once, right after that

// An Attach message is no longer.
constexpr std::size_t kMaxPeek = 4096;

/// TCP lets a socket on an ephemeral port connect to itself.
bool is_connected_to_itself(int fd) {
  sockaddr_storage ours{}, theirs{};
  socklen_t our_size = sizeof ours, their_size = sizeof theirs;
  return ::getsockname(fd, reinterpret_cast<sockaddr*>(&ours), &our_size) == 0 &&
         ::getpeername(fd, reinterpret_cast<sockaddr*>(&theirs), &their_size) == 0 &&
         ours.ss_family != AF_UNIX && our_size == their_size &&
         std::memcmp(&ours, &theirs, our_size) == 0;
}

/// How a connection begins. It can still be read from its beginning.
struct Beginning {
  bool ended = false;
  std::optional<std::string> token;  // of the Attach message that comes first, once it is there
};

Beginning peek(int fd) {
  std::array<std::uint8_t, kMaxPeek> bytes;
  const ssize_t size = ::recv(fd, bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
  if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR))
    return {.ended = true, .token = {}};
  Beginning beginning;
  if (size < 0) return beginning;
  subunit::Decoder decoder(kMaxPeek);
  decoder.receive(subunit::Bytes(bytes.data(), static_cast<std::size_t>(size)), subunit::Time(0));
  const auto event = decoder.next_event();
  const auto* packet = event ? std::get_if<subunit::Packet>(&*event) : nullptr;
  const auto said = packet ? subunit::rpc::peek_announcement(*packet) : std::nullopt;
  if (const auto* attach = said ? std::get_if<subunit::rpc::Attach>(&*said) : nullptr)
    beginning.token = attach->token;
  return beginning;
}

}  // namespace

Connecting::Connecting(uv_loop_t& loop, const Endpoint& endpoint, const ServeOptions& options,
                       std::string_view token, const Log& log, Events events)
    : loop_(loop),
      endpoint_(endpoint),
      address_(endpoint.text()),
      options_(options),
      token_(token),
      log_(log),
      events_(std::move(events)),
      retry_timer_(loop, [this] { connect(); }),
      examine_timer_(loop, [this] { examine(); }) {}

void Connecting::stop() {
  retry_timer_.stop();
  examine_timer_.stop();
  lookup_.reset();
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
  if (options_.any_owner) return use();
  examined_since_ = precise_now();
  examine();
}

/// Called again and again until it is known whether the server is ours.
void Connecting::examine() {
  const Beginning beginning = peek(connecting_.get());
  if (beginning.ended) return retry(fmt::format("{} has closed the connection", address_));
  if (beginning.token && !options_.command.empty()) {
    if (same_token(*beginning.token, token_)) return use();
    return turn_away("it has the wrong token, so it is not the one that was started");
  }
  if (!endpoint_.is_unix()) {
    lookup_.emplace(loop_, connecting_.get(), [this](TcpPeer peer) { judge(peer); });
  } else if (const auto user = unix_peer_owner(connecting_.get())) {
    judge(*user);
  } else {
    turn_away("it cannot be found out which user it belongs to");
  }
}

void Connecting::judge(TcpPeer peer) {
  if (!peer.here)
    return turn_away(
        "it cannot be found out which user it belongs to, since it is not on this machine");
  if (peer.user) return judge(*peer.user);
  last_failure_ = fmt::format("{} has not accepted the connection", address_);
  examine_timer_.start(kExamineInterval);
}

void Connecting::judge(uid_t user) {
  if (user == ::geteuid()) return use();
  const bool may_have_token =
      !options_.command.empty() && precise_now() - examined_since_ < kTokenTimeout;
  if (may_have_token) return examine_timer_.start(kExamineInterval);
  turn_away(fmt::format("it belongs to user {}, not to user {} who runs this", user, ::geteuid()));
}

void Connecting::use() {
  Fd in = duplicate(connecting_.get());
  if (!in)
    return fail(
        fmt::format("cannot use the test server at {}: {}", address_, std::strerror(errno)));
  ServerConnection connection{nullptr, std::move(connecting_), address_, {}};
  connection.reader = std::make_unique<PacketReader>(
      loop_, std::move(in), PacketReader::Events{},
      options_.routed() ? PacketReader::kSmallCapacity : PacketReader::kCapacity);
  if (endpoint_.is_unix()) connection.pid = unix_peer_pid(connection.out.get());
  if (!options_.command.empty() && !options_.any_owner) connection.token = token_;
  events_.connected(std::move(connection));
}

/// Somebody else is there. The server that was started may still come.
void Connecting::turn_away(const std::string& why) {
  std::string text = fmt::format(
      "refused to use the test server at {}: {} (--any-owner uses it all the same)", address_, why);
  if (options_.command.empty()) return fail(std::move(text));
  connecting_.reset();
  if (text != last_warning_) log_.warning("{}", text);
  last_failure_ = last_warning_ = std::move(text);
  retry_timer_.start(kTurnedAwayInterval);
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
