#include "proxy/serve/listening.h"

#include <fcntl.h>

#include <algorithm>
#include <cstdlib>

#include "common/base/text.h"
#include "common/rpc/attachment.h"
#include "proxy/posix/endpoint.h"
#include "proxy/posix/socket_owner.h"
#include "proxy/posix/token.h"

namespace proxy {

using std::chrono::milliseconds;
using std::chrono::seconds;
using subunit::Result;

namespace {

constexpr auto kProofTimeout = seconds(10);  // a server sends Attach right after it has dialled
constexpr std::size_t kMaxUnauthenticated = 16;

}  // namespace

Listening::Listening(uv_loop_t& loop, const ServeOptions& options, const Log& log)
    : loop_(loop), options_(options), log_(log), hand_over_timer_(loop, [this] { hand_over(); }) {
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
  hand_over_timer_.stop();
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
  Fd fd = entrance.listener.accept();
  if (!fd) return;
  // Many silent unauthenticated connections must not keep test servers out, which speak at once.
  if (callers_.size() >= kMaxUnauthenticated + expected_.size())
    reject(callers_.front(), "too many connections without a token; this was the oldest");
  set_no_delay(fd.get());
  Fd in(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
  Caller& caller = callers_.emplace_back(std::move(fd), entrance);
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
    if (unix_peer_owner(caller.out.get()) == ::geteuid()) return trust(caller);
    return caller.reader->resume();
  }
  if (options_.any_owner) return trust(caller);
  caller.lookup.emplace(loop_, caller.out.get(), [this, &caller](TcpPeer peer) {
    if (peer.user == ::geteuid()) return trust(caller);
    reject(caller, "it comes from another user or machine (--any-owner accepts it all the same)");
  });
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
  ++rejected_;
  log_.warning("closed a connection to {} that is not one of our test servers: {}",
               address_of(caller.entrance), why);
  caller.attach_timer->stop();
  caller.lookup.reset();
  caller.reader->close();
  caller.out.reset();
}

void Listening::remove_closed() {
  callers_.remove_if([](const Caller& caller) { return !caller.out; });
}

}  // namespace proxy
