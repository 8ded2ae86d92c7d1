#include "proxy/serve/listening.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <cstdlib>

#include "common/base/text.h"
#include "common/rpc/attachment.h"
#include "proxy/posix/endpoint.h"

namespace proxy {

std::string random_token() {
  std::array<std::uint8_t, 16> bytes{};
  [[maybe_unused]] const ssize_t size = ::getrandom(bytes.data(), bytes.size(), 0);
  assert(size == static_cast<ssize_t>(bytes.size()));  // cannot be short below 256 bytes
  std::string text;
  for (const std::uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

bool same_token(std::string_view a, std::string_view b) {
  unsigned difference = a.size() != b.size();
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  return difference == 0;
}

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

Listening::~Listening() {
  if (socket_file_) endpoint_->remove(*socket_file_);
}

Result<> Listening::open(const Endpoint& endpoint) {
  auto listener = endpoint.listen();
  if (!listener) return tl::unexpected(listener.error());
  listener_ = std::move(*listener);
  endpoint_ = Endpoint::of_socket(listener_.get());
  socket_file_ = endpoint_->inode();
  address_ = endpoint_->text();
  return {};
}

void Listening::start() {
  accept_watch_.emplace(loop_, listener_.get(), UV_READABLE, [this] { accept(); });
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
  if (accept_watch_) accept_watch_->stop();
  for (Caller& caller : callers_) {
    caller.attach_timer->stop();
    if (caller.reader) caller.reader->close();
    caller.out.reset();
  }
  listener_.reset();
}

void Listening::accept() {
  remove_closed();
  Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd) return;  // the caller has gone again, or there are no descriptors left: later
  // Many silent unauthenticated connections must not keep test servers out, which speak at once.
  if (callers_.size() >= kMaxUnauthenticated + expected_.size())
    reject(callers_.front(), "too many connections without a token; this was the oldest");
  set_no_delay(fd.get());
  const bool trusted = trusted_by_user(fd.get());
  Fd in(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
  Caller& caller = callers_.emplace_back(std::move(fd));
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
  // One that is trusted anyway may wait for the client to speak first, so waiting for it to speak
  // would be for ever.
  if (!trusted) return caller.reader->resume();
  if (options_.open_house()) return admit(caller, std::nullopt);
  if (expected_.empty()) return reject(caller, "no test server is expected");
  admit(caller, expected_.front().token);
}

bool Listening::trusted_by_user(int fd) const {
  if (options_.workers > 1) return false;  // it could be any of them
  if (endpoint_->is_unix()) return unix_peer_owner(fd) == ::geteuid();
  if (!options_.open_house() || known_token_) return false;
  return options_.any_owner || tcp_peer_owner(fd) == ::geteuid();
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
  ServerConnection connection{std::move(caller.reader), std::move(caller.out), address_, {}};
  if (endpoint_->is_unix()) connection.pid = unix_peer_pid(connection.out.get());
  attached(std::move(connection));
}

void Listening::reject(Caller& caller, std::string_view why) {
  ++rejected_;
  log_.warning("closed a connection to {} that is not one of our test servers: {}", address_, why);
  caller.attach_timer->stop();
  caller.reader->close();
  caller.out.reset();
}

void Listening::remove_closed() {
  callers_.remove_if([](const Caller& caller) { return !caller.out; });
}

}  // namespace proxy
