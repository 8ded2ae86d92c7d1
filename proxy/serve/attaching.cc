#include "proxy/serve/attaching.h"

#include <fcntl.h>
#include <sys/random.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "common/base/escape.h"
#include "common/rpc/peek.h"
#include "proxy/io/socket_owner.h"

namespace proxy {

using std::chrono::milliseconds;
using std::chrono::seconds;
using subunit::Result;

namespace {

constexpr auto kRetryInterval =
    milliseconds(20);                        // a server takes longer to start; this adds little
constexpr auto kProofTimeout = seconds(10);  // a server says Attach right after it has dialled
constexpr std::size_t kMaxCallers = 16;      // that have not proved themselves yet

/// 128 bits from the system's generator (getrandom(2)), in hex.
std::string random_token() {
  std::array<std::uint8_t, 16> bytes{};
  [[maybe_unused]] const ssize_t size = ::getrandom(bytes.data(), bytes.size(), 0);
  assert(size == static_cast<ssize_t>(bytes.size()));  // cannot be short below 256 bytes
  std::string text;
  for (const std::uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

/// Takes the same time wherever the difference is.
bool same(std::string_view a, std::string_view b) {
  unsigned difference = a.size() != b.size();
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  return difference == 0;
}

/// TCP lets a socket on an ephemeral port connect to itself.
bool is_connected_to_itself(int fd) {
  sockaddr_storage ours{}, theirs{};
  socklen_t our_size = sizeof ours, their_size = sizeof theirs;
  return ::getsockname(fd, reinterpret_cast<sockaddr*>(&ours), &our_size) == 0 &&
         ::getpeername(fd, reinterpret_cast<sockaddr*>(&theirs), &their_size) == 0 &&
         ours.ss_family != AF_UNIX && our_size == their_size &&
         std::memcmp(&ours, &theirs, our_size) == 0;
}

Fd duplicate(const Fd& fd) {
  return Fd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
}

}  // namespace

Attaching::Attaching(uv_loop_t& loop, const ServeOptions& options, const Log& log, Events events)
    : loop_(loop),
      options_(options),
      log_(log),
      events_(std::move(events)),
      timeout_(loop, [this] { give_up(); }),
      token_(random_token()),
      hand_over_timer_(loop, [this] { hand_over(); }),
      retry_timer_(loop, [this] { connect(); }) {
  if (const char* token = std::getenv("SUBUNIT_RPC_TOKEN");
      token && *token && options.command.empty()) {
    token_ = token;
    token_known_elsewhere_ = true;
  }
}

Attaching::~Attaching() {
  if (socket_file_) endpoint_->remove(*socket_file_);
}

Result<> Attaching::prepare() {
  if (options_.connect) {
    endpoint_ = *options_.connect;
  } else {
    auto listener = options_.listen->listen();
    if (!listener) return tl::unexpected(listener.error());
    listener_ = std::move(*listener);
    endpoint_ = Endpoint::of_socket(listener_.get());
    socket_file_ = endpoint_->inode();
  }
  address_ = endpoint_->text();
  return {};
}

void Attaching::start() {
  timeout_.start(options_.attach_timeout);
  if (listener_) {
    accept_watch_.emplace(loop_, listener_.get(), UV_READABLE, [this] { accept(); });
  } else {
    connect();
  }
}

void Attaching::stop() {
  timeout_.stop();
  retry_timer_.stop();
  hand_over_timer_.stop();
  if (accept_watch_) accept_watch_->stop();
  if (connect_watch_) connect_watch_->stop();
  for (Caller& caller : callers_) {
    caller.patience->stop();
    if (caller.reader) caller.reader->close();
    caller.out.reset();
  }
  listener_.reset();
  connecting_.reset();
}

void Attaching::accept() {
  remove_closed();
  Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd) return;  // the caller has gone again, or there are no descriptors left: later
  if (admitted_) return;
  // A crowd of silent strangers must not keep the test server out, which speaks at once.
  if (callers_.size() >= kMaxCallers) reject(callers_.front(), "it was the first of too many");
  set_no_delay(fd.get());
  const bool trusted = trusted_by_user(fd.get());
  Fd in = duplicate(fd);
  Caller& caller = callers_.emplace_back(std::move(fd));
  caller.patience.emplace(loop_, [this, &caller] { reject(caller, "it said nothing"); });
  caller.patience->start(kProofTimeout);
  caller.reader = std::make_unique<PacketReader>(
      loop_, std::move(in),
      PacketReader::Events{
          .packet = [this, &caller](const subunit::Packet& packet) { examine(caller, packet); },
          .noise =
              [this, &caller](subunit::Bytes bytes) {
                reject(caller, fmt::format("it sent \"{}\"", subunit::escaped(bytes)));
              },
          .batch = [] {},
          .ended = [this,
                    &caller](const Result<>&) { reject(caller, "it said nothing and hung up"); }});
  // One that is trusted anyway may wait for the client to speak first, so waiting for it to speak
  // would be for ever.
  if (trusted) return admit(caller);
  caller.reader->resume();
}

bool Attaching::trusted_by_user(int fd) const {
  if (endpoint_->is_unix()) return unix_peer_owner(fd) == ::geteuid();
  if (!options_.command.empty() || token_known_elsewhere_) return false;
  return options_.any_owner || tcp_peer_owner(fd) == ::geteuid();
}

void Attaching::examine(Caller& caller, const subunit::Packet& packet) {
  const auto said = subunit::peek_announcement(packet);
  const auto* attach = said ? std::get_if<subunit::Attach>(&*said) : nullptr;
  if (!attach) return reject(caller, "its first packet is no Attach message");
  if (!same(attach->token, token_)) return reject(caller, "it has the wrong token");
  admit(caller);
}

void Attaching::admit(Caller& caller) {
  // The reader is in the middle of handing out what it read. Its new owner gets the rest.
  caller.reader->pause();
  caller.patience->stop();
  if (admitted_) return reject(caller, "another test server was faster");
  admitted_ = &caller;
  hand_over_timer_.start(milliseconds(0));
}

void Attaching::hand_over() {
  ServerConnection connection{
      std::move(admitted_->reader), std::move(admitted_->out), address_, {}};
  if (endpoint_->is_unix()) connection.pid = unix_peer_pid(connection.out.get());
  finish(std::move(connection));
}

void Attaching::reject(Caller& caller, std::string_view why) {
  ++rejected_;
  log_.warning("closed a connection to {} that did not prove to be the test server: {}", address_,
               why);
  caller.patience->stop();
  caller.reader->close();
  caller.out.reset();
}

void Attaching::remove_closed() {
  callers_.remove_if([](const Caller& caller) { return !caller.out; });
}

void Attaching::connect() {
  auto fd = endpoint_->connect();
  if (!fd) return retry(fd.error().text);
  connecting_ = std::move(*fd);
  last_failure_ = fmt::format("{} does not answer", address_);
  connect_watch_.emplace(loop_, connecting_.get(), UV_WRITABLE, [this] { connected(); });
}

void Attaching::connected() {
  connect_watch_->stop();
  auto result = Endpoint::connect_result(connecting_.get());
  if (!result) return retry(fmt::format("cannot connect to {}: {}", address_, result.error().text));
  if (is_connected_to_itself(connecting_.get()))
    return retry(fmt::format("cannot connect to {}: nobody listens there", address_));
  if (!options_.any_owner) {
    if (const auto owner = endpoint_->check_owner(connecting_.get()); !owner) {
      return fail(
          fmt::format("refused to use the test server at {}: {} (--any-owner uses it all the same)",
                      address_, owner.error().text));
    }
  }
  ServerConnection connection{nullptr, std::move(connecting_), address_, {}};
  connection.reader =
      std::make_unique<PacketReader>(loop_, duplicate(connection.out), PacketReader::Events{});
  if (endpoint_->is_unix()) connection.pid = unix_peer_pid(connection.out.get());
  finish(std::move(connection));
}

void Attaching::retry(std::string why) {
  connecting_.reset();
  if (options_.command.empty()) return fail(std::move(why));
  last_failure_ = std::move(why);
  retry_timer_.start(kRetryInterval);
}

void Attaching::give_up() {
  const std::string waited = subunit::in_seconds(options_.attach_timeout);
  std::string why = listener_
                        ? fmt::format("no test server connected to {} within {}", address_, waited)
                        : fmt::format("no test server within {}: {}", waited, last_failure_);
  if (!options_.command.empty() && listener_) {
    why += fmt::format("; \"{}\" was started, and has to connect to its SUBUNIT_RPC_ADDRESS",
                       subunit::escaped(options_.command[0]));
  }
  if (rejected_ > 0) {
    why += fmt::format("; {} connection{} closed because {} not prove to be the test server",
                       rejected_, rejected_ == 1 ? " was" : "s were",
                       rejected_ == 1 ? "it did" : "they did");
  }
  fail(std::move(why));
}

void Attaching::finish(ServerConnection connection) {
  stop();
  events_.attached(std::move(connection));
}

void Attaching::fail(std::string why) {
  stop();
  events_.failed(std::move(why));
}

}  // namespace proxy
