#include "proxy/serve/listening.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "common/base/text.h"
#include "common/rpc/attachment.h"
#include "proxy/net/endpoint.h"
#include "proxy/net/socket_owner.h"
#include "proxy/posix/token.h"

namespace proxy {

using std::chrono::milliseconds;
using std::chrono::seconds;
using subunit::Result;

namespace {

constexpr auto kPause = milliseconds(200);
constexpr auto kProofTimeout = seconds(10);  // a server sends Attach right after it has dialled
// Connections that have not proved themselves, beside those that are expected.
constexpr std::size_t kMaxOfOurs = 64;
constexpr std::size_t kMaxOfOthers = 16;
constexpr int kMaxAccepted = 256;  // before something else has its turn

}  // namespace

Listening::Listening(uv_loop_t& loop, const ServeOptions& options, const Log& log)
    : loop_(loop),
      options_(options),
      log_(log),
      hand_over_timer_(loop, [this] { hand_over(); }),
      resume_timer_(loop, [this] { start(); }),
      warning_(loop, log) {
  const char* token = std::getenv("SUBUNIT_RPC_TOKEN");
  if (token && *token && options.command.empty()) known_token_ = token;
}

Result<> Listening::open() {
  const Endpoint& asked = *options_.listen;
  auto listener = Listener::open(asked);
  std::optional<Listener> own;
  if (!options_.command.empty() && !asked.is_unix()) {
    if (auto opened = Listener::open_private()) {
      own = std::move(*opened);
    } else {
      log_.warning("test servers get no SUBUNIT_RPC_LOCAL: {}", opened.error().text);
    }
  }
  // The port that nobody has asked for is one that servers can do without.
  if (own && !options_.listen_requested) {
    const auto usable =
        listener ? listener->endpoint().check_route() : Result<>(tl::unexpected(listener.error()));
    if (!usable) {
      log_.warning(
          "the loopback interface cannot be used: {}; test servers can only connect to "
          "SUBUNIT_RPC_LOCAL={}",
          usable.error().text, own->address());
      entrances_.emplace_back(std::move(*own), true);
      return {};
    }
  }
  if (!listener) return tl::unexpected(listener.error());
  entrances_.emplace_back(std::move(*listener), false);
  if (own) entrances_.emplace_back(std::move(*own), true);
  return {};
}

std::optional<std::string> Listening::address() const {
  const Entrance& first = entrances_.front();
  return first.own ? std::nullopt : std::optional(address_of(first));
}

std::optional<std::string> Listening::local_address() const {
  const Entrance& last = entrances_.back();
  return last.listener.is_unix() ? std::optional(address_of(last)) : std::nullopt;
}

void Listening::start() {
  for (Entrance& each : entrances_) {
    each.watch.emplace(loop_, each.listener.fd(), UV_READABLE, [this, &each] { accept(each); });
  }
}

/// No descriptor is left: callers wait, and the loop must not be woken for them all the time.
void Listening::pause() {
  if (!std::exchange(told_of_pause_, true))
    log_.warning("cannot accept connections for now: {} (ulimit -n)", std::strerror(EMFILE));
  for (Entrance& each : entrances_) each.watch->stop();
  resume_timer_.start(kPause);
}

void Listening::expect(std::string token, Attached attached) {
  expected_.push_back({std::move(token), std::move(attached)});
}

void Listening::forget(const std::string& token) {
  std::erase_if(expected_, [&](const Expected& each) { return each.token == token; });
}

void Listening::welcome(std::function<bool()> has_room, Attached attached) {
  has_room_ = std::move(has_room);
  welcomed_ = std::move(attached);
}

void Listening::close() {
  warning_.flush();
  hand_over_timer_.stop();
  resume_timer_.stop();
  for (Caller& caller : callers_) {
    caller.attach_timer->stop();
    caller.lookup.reset();
    if (caller.reader) caller.reader->close();
    caller.out.reset();
  }
  for (Entrance& each : entrances_) {
    if (each.watch) each.watch->stop();
    each.listener.close();
  }
}

void Listening::accept(const Entrance& entrance) {
  remove_closed();
  // Whoever connects again and again must not fill the queue of those that wait.
  for (int count = 0; count < kMaxAccepted && !resume_timer_.running(); ++count) {
    Fd fd = entrance.listener.accept();
    if (!fd && (errno == EMFILE || errno == ENFILE)) return pause();
    if (!fd) return;  // it has gone again
    receive(std::move(fd), entrance);
  }
}

void Listening::receive(Fd fd, const Entrance& entrance) {
  if (expected_.empty() && !options_.open_house())
    return count_rejected(entrance, "no test server is expected");
  std::optional<uid_t> user;
  bool known = true;
  if (entrance.listener.is_unix()) {
    user = unix_peer_owner(fd.get());
  } else if (const auto peer = ask_for_tcp_peer(TcpConnection::of_socket(fd.get()))) {
    user = peer->user;
  } else {
    known = false;
  }
  const bool other_user = known && user != ::geteuid();
  if (!may_wait(other_user)) {
    return count_rejected(entrance, other_user
                                        ? "too many connections of other users without a token"
                                        : "too many connections without a token");
  }
  set_no_delay(fd.get());
  Fd in = duplicate(fd.get());
  if (!in) return pause();
  Caller& caller = callers_.emplace_back(std::move(fd), entrance, other_user);
  caller.attach_timer.emplace(loop_, [this, &caller] { reject(caller, "it sent nothing"); });
  caller.attach_timer->start(kProofTimeout);
  caller.reader = std::make_unique<PacketReader>(
      loop_, std::move(in),
      PacketReader::Events{
          .packet = [this, &caller](const subunit::Packet& packet) { examine(caller, packet); },
          .noise =
              [this, &caller](subunit::Bytes bytes) {
                reject(caller, fmt::format("it sent \"{}\"", subunit::escaped(bytes)));
              },
          .batch = [] {},
          .ended =
              [this, &caller](const Result<>&) {
                reject(caller, "it sent nothing and closed the connection");
              }},
      options_.routed() ? PacketReader::kSmallCapacity : PacketReader::kCapacity);
  if (!trusts_user(entrance)) return caller.reader->resume();
  // One that is trusted anyway may wait for the client to speak first, so waiting for it to speak
  // would be for ever.
  if (entrance.listener.is_unix()) {
    if (!other_user) return trust(caller);
    return caller.reader->resume();
  }
  if (options_.any_owner) return trust(caller);
  if (known) return trust_if_ours(caller, user);
  caller.lookup.emplace(loop_, caller.out.get(),
                        [this, &caller](TcpPeer peer) { trust_if_ours(caller, peer.user); });
}

/// What other users hold, and what our own does, are bounded separately.
bool Listening::may_wait(bool other_user) const {
  const std::size_t most = (other_user ? kMaxOfOthers : kMaxOfOurs) + expected_.size();
  const auto count = std::ranges::count_if(callers_, [&](const Caller& caller) {
    return caller.out && caller.other_user == other_user;
  });
  return static_cast<std::size_t>(count) < most;
}

void Listening::trust_if_ours(Caller& caller, std::optional<uid_t> user) {
  if (user == ::geteuid()) return trust(caller);
  reject(caller, "it comes from another user or machine (--any-owner accepts it all the same)");
}

/// Whether a caller's user can be proof enough.
bool Listening::trusts_user(const Entrance& entrance) const {
  if (options_.workers > 1 || entrance.own) return false;  // it could be any of them, or none
  return entrance.listener.is_unix() || (options_.open_house() && !known_token_);
}

void Listening::trust(Caller& caller) {
  if (options_.open_house()) return admit(caller, std::nullopt);
  if (expected_.empty()) return reject(caller, "no test server is expected");
  admit(caller, expected_.front().token);
}

void Listening::examine(Caller& caller, const subunit::Packet& packet) {
  const auto said = subunit::rpc::peek_announcement(packet);
  const auto* attach = said ? std::get_if<subunit::rpc::Attach>(&*said) : nullptr;
  if (!attach) return reject(caller, "its first packet is not an Attach message");
  if (known_token_ && same_token(attach->token, *known_token_)) return admit(caller, std::nullopt);
  const auto expected = find(attach->token);
  if (expected == expected_.end()) return reject(caller, "it has the wrong token");
  admit(caller, expected->token);
}

std::vector<Listening::Expected>::iterator Listening::find(std::string_view token) {
  return std::ranges::find_if(expected_,
                              [&](const Expected& each) { return same_token(each.token, token); });
}

void Listening::admit(Caller& caller, std::optional<std::string> token) {
  // The reader is in the middle of handing out what it read. Its new owner gets the rest.
  caller.reader->pause();
  caller.attach_timer->stop();
  caller.token = std::move(token);
  caller.admitted = true;
  hand_over_timer_.start(milliseconds(0));
}

void Listening::hand_over() {
  // Callers are added by accept() alone, which is none of what happens here.
  for (Caller& caller : callers_)
    if (caller.admitted && caller.out) hand_over(caller);
}

void Listening::hand_over(Caller& caller) {
  Attached attached = welcomed_;
  if (caller.token) {
    const auto expected = find(*caller.token);
    if (expected == expected_.end())
      return reject(caller, "a server with this token is already attached");
    attached = std::move(expected->attached);
    expected_.erase(expected);
  } else if (!has_room_()) {
    return reject(caller, "the limit of test servers is reached (--max-servers)");
  }
  ServerConnection connection{
      std::move(caller.reader), std::move(caller.out), address_of(caller.entrance), {}};
  if (caller.entrance.listener.is_unix()) connection.pid = unix_peer_pid(connection.out.get());
  attached(std::move(connection));
}

void Listening::reject(Caller& caller, std::string_view why) {
  count_rejected(caller.entrance, why);
  caller.attach_timer->stop();
  caller.lookup.reset();
  caller.reader->close();
  caller.out.reset();
}

void Listening::count_rejected(const Entrance& entrance, std::string_view why) {
  ++rejected_;
  warning_.add(fmt::format("closed a connection to {} that is not one of our test servers: {}",
                           address_of(entrance), why));
}

void Listening::remove_closed() {
  callers_.remove_if([](const Caller& caller) { return !caller.out; });
}

}  // namespace proxy
