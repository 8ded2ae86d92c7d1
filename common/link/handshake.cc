#include "common/link/handshake.h"

#include <algorithm>

#include "common/base/crc.h"
#include "common/link/frame/frame.h"

namespace subunit::link {

namespace {

constexpr std::size_t kSize = 12;
constexpr std::uint8_t kRaw = 1;
constexpr std::uint8_t kMayUpgrade = 2;

}  // namespace

void Hello::encode(Buffer& out) const {
  out.push_back(kVersion);
  out.push_back(static_cast<std::uint8_t>((raw ? kRaw : 0) | (may_upgrade ? kMayUpgrade : 0)));
  append_number(out, nonce);
  append_number(out, other);
  append_be32(out, bytes_per_second);
}

std::optional<Hello> Hello::decode(Bytes body) {
  if (body.size() < kSize || body[0] < kVersion) return std::nullopt;
  const Hello hello{.raw = (body[1] & kRaw) != 0,
                    .may_upgrade = (body[1] & kMayUpgrade) != 0,
                    .nonce = load_number(&body[2]),
                    .other = load_number(&body[5]),
                    .bytes_per_second = load_be32(&body[8])};
  if (hello.nonce == 0) return std::nullopt;
  return hello;
}

std::uint32_t session_id(std::uint32_t serve_nonce, std::uint32_t client_nonce) {
  Buffer nonces;
  append_number(nonces, serve_nonce);
  append_number(nonces, client_nonce);
  const std::uint32_t id = crc32c(nonces) & 0xFFFFFF;
  return id == 0 ? 1 : id;
}
namespace {

constexpr int kMaxUnheard = 3;

constexpr std::size_t kMaxCallers = 4;  // a scrollback may hold the hellos of some sessions

}  // namespace

Handshake::Handshake(bool serve, const Hello& own)
    : serve_(serve), own_(own), state_(serve ? State::kCalling : State::kListening), due_(serve) {}

std::uint32_t Handshake::id_with(const Hello& other) const {
  return serve_ ? session_id(own_.nonce, other.nonce) : session_id(other.nonce, own_.nonce);
}

void Handshake::open_with(const Hello& other) {
  other_ = other;
  id_ = id_with(other);
  state_ = State::kOpen;
  callers_.clear();
  due_ = serve_;  // the client waits for a frame of the session
}

Handshake::Heard Handshake::hear_hello(Bytes body, Time now) {
  const auto hello = Hello::decode(body);
  if (!hello) return Heard::kMalformed;
  heard_hello_ = true;
  unheard_ = 0;
  if (open()) return hear_in_session(*hello, now);
  return serve_ ? hear_answer(*hello) : hear_call(*hello);
}

Handshake::Heard Handshake::hear_answer(const Hello& hello) {
  if (hello.other != own_.nonce) return Heard::kNothing;  // somebody else was meant
  open_with(hello);
  return Heard::kOpened;
}

Handshake::Heard Handshake::hear_call(const Hello& hello) {
  if (hello.other == own_.nonce) {
    open_with(hello);
    return Heard::kOpened;
  }
  if (hello.other != 0) return Heard::kNothing;
  std::erase_if(callers_, [&](const Hello& caller) { return caller.nonce == hello.nonce; });
  callers_.insert(callers_.begin(), hello);
  if (callers_.size() > kMaxCallers) callers_.pop_back();
  state_ = State::kAnswering;
  due_ = true;
  return Heard::kNothing;
}

Handshake::Heard Handshake::hear_in_session(const Hello& hello, Time now) {
  if (hello.nonce == other_.nonce && hello.other == own_.nonce) {
    if (serve_) due_ = true;
    doubt_since_.reset();
    return Heard::kSession;
  }
  if (hello.nonce == other_.nonce && !serve_) return Heard::kNothing;  // from before
  if (!doubt_since_) {
    doubt_since_ = now;
    return Heard::kDoubt;
  }
  return now - *doubt_since_ >= kDoubtTimeout ? Heard::kReplaced : Heard::kNothing;
}

bool Handshake::hear(std::uint32_t session) {
  if (state_ == State::kAnswering) {
    const auto caller = std::find_if(callers_.begin(), callers_.end(),
                                     [&](const Hello& hello) { return id_with(hello) == session; });
    if (caller != callers_.end()) open_with(Hello(*caller));
  }
  if (!open() || session != id_) return false;
  doubt_since_.reset();
  return true;
}

Hello Handshake::hello() const {
  Hello hello = own_;
  if (open())
    hello.other = other_.nonce;
  else if (!callers_.empty())
    hello.other = callers_.front().nonce;
  return hello;
}

void Handshake::hello_sent(Time now) {
  due_ = false;
  sent_at_ = now;
  if (!open()) ++unheard_;
}

bool Handshake::unheard() {
  if (unheard_ < kMaxUnheard) return false;
  unheard_ = 0;
  return true;
}

std::optional<Time> Handshake::next_deadline() const {
  if (due_ || (state_ != State::kCalling && state_ != State::kAnswering)) return std::nullopt;
  return sent_at_ + kHelloInterval;
}

void Handshake::tick(Time now) {
  const auto deadline = next_deadline();
  if (deadline && now >= *deadline) due_ = true;
}

}  // namespace subunit::link
