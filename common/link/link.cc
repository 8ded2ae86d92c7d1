#include "common/link/link.h"

#include <utility>

#include "common/link/link_state.h"

namespace subunit::link {
namespace {

// While the other end has no room, it is asked for that so often: the word of it may be lost.
constexpr Time kAskRoomInterval = std::chrono::seconds(1);

static_assert(Link::kHelloInterval == LinkSession::kHelloInterval);

Hello own_hello(const LinkOptions& options) {
  const std::uint32_t nonce = options.nonce % kFrameNumbers;
  constexpr double kMaxRate = 1e9;
  return {.raw = options.raw,
          .may_upgrade = options.may_upgrade,
          .nonce = nonce == 0 ? 1 : nonce,
          .bytes_per_second =
              static_cast<std::uint32_t>(std::clamp(options.bytes_per_second, 0.0, kMaxRate))};
}

}  // namespace

Link::State::State(const LinkOptions& options)
    : options_(options),
      session_(options.sends == Frame::Direction::kToClient, own_hello(options)),
      sender_(session_.nonce()),
      keepalive_(kPingInterval, kDeadTimeout) {
  pacer_.set_rate(options.bytes_per_second);
}

// ---- time

std::optional<Time> Link::State::next_deadline() const {
  if (phase_ == Phase::kAbandoned) return std::nullopt;
  const bool readable = wanted_ || !receive_ || receive_->payload().empty();
  if (raised_[kClosed] && readable) return now_;  // consume_output() can have made it so
  std::optional<Time> next = reader_.next_deadline();
  const auto consider = [&next](std::optional<Time> deadline) {
    if (deadline && (!next || *deadline < *next)) next = deadline;
  };
  consider(line_free_at_);
  if (over()) return next;
  consider(session_.next_deadline());
  if (!open_now()) return next;
  consider(ack_.next_deadline());
  consider(keepalive_.next_deadline());
  consider(sender_.next_deadline());
  consider(tester_.next_deadline());
  consider(ask_room_at_);
  consider(time_wait_until());
  return next;
}

void Link::State::tick(Time now) {
  now_ = now;
  reader_.tick(now);
  if (line_free_at_ && now >= *line_free_at_) line_free_at_.reset();
  if (over()) return;
  session_.tick(now);
  if (session_.unheard()) xon_due_ = true;
  if (open_now()) tick_session();
}

void Link::State::tick_session() {
  ack_.tick(now_);
  tester_.tick(now_);
  if (const auto leaves = time_wait_until(); leaves && now_ >= *leaves) return complete();
  if (keepalive_.dead(now_)) {
    if (only_word_missing()) return complete();
    return die("nothing has come from the other end for " + in_seconds(kDeadTimeout));
  }
  if (sender_.has_given_up(now_))
    return die("the other end has confirmed nothing of what was sent for " +
               in_seconds(Sender::kGiveUpTimeout));
  if (sender_.tick(now_)) keepalive_.unanswered();
  if (keepalive_.tick(now_)) ping_due_ = true;
  if (keepalive_.stopped()) {
    keepalive_.released();
    xon_due_ = true;
  }
  ask_for_room();
}

/// When everything has arrived and the other end was told so: it would have asked again by then.
std::optional<Time> Link::State::time_wait_until() const {
  if (!said_all_arrived_) return std::nullopt;
  const bool line_loses = reader_.counts().damaged > 0 || counts_.retransmitted > 0;
  return keepalive_.heard_at() + sender_.retransmission_time() * (line_loses ? 4 : 1);
}

void Link::State::ask_for_room() {
  if (!sender_.window().blocked()) {
    ask_room_at_.reset();
  } else if (!ask_room_at_) {
    ask_room_at_ = now_ + kAskRoomInterval;
  } else if (now_ >= *ask_room_at_) {
    ask_room_at_ = now_ + kAskRoomInterval;
    ping_due_ = true;
  }
}

Link::Statistics Link::State::statistics() const {
  Statistics out = counts_;
  out.reader = reader_.counts();
  out.reader.damaged += malformed_;
  out.frame_bytes = reader_.frame_bytes();
  out.payload_sent = sender_.window().payload_arrived();
  out.payload_received = receive_ ? receive_->received() : 0;
  out.bytes_per_second = pacer_.bytes_per_second();
  out.dense_out = sender_.dense_code() != nullptr;
  out.dense_in = testee_.code().has_value();
  return out;
}

// ---- the link itself

Link::Link(const LinkOptions& options) : state_(std::make_unique<State>(options)) {}
Link::Link(Link&&) noexcept = default;
Link& Link::operator=(Link&&) noexcept = default;
Link::~Link() = default;

void Link::receive(Bytes bytes, Time now) {
  state_->now_ = now;
  if (state_->receive_) state_->receive_->keep();
  state_->counts_.line_bytes_received += bytes.size();
  state_->reader_.receive(bytes, now);
}

void Link::receive_eof(Time now) {
  state_->now_ = now;
  if (state_->receive_) state_->receive_->keep();
  state_->reader_.receive_eof();
  state_->eof_ = true;
}

std::optional<Link::Event> Link::next_event() {
  return state_->next_event();
}

void Link::want_payload(bool wanted) {
  state_->wanted_ = wanted;
}

void Link::send(Bytes payload) {
  state_->sender_.queue(payload);
}

std::size_t Link::queued() const {
  return state_->sender_.window().queued();
}

bool Link::idle() const {
  return queued() == 0 && !state_->sender_.window().waiting();
}

void Link::finish() {
  state_->sender_.finish();
}

void Link::abandon(std::string_view why) {
  state_->abandon(why);
}

Bytes Link::pending_output(Time now) {
  return state_->output(now);
}

void Link::consume_output() {
  state_->consume_output();
}

std::optional<Time> Link::next_deadline() const {
  return state_->next_deadline();
}

void Link::tick(Time now) {
  if (state_->receive_) state_->receive_->keep();
  state_->tick(now);
}

bool Link::heard_hello() const {
  return state_->session_.heard_hello();
}

bool Link::over() const {
  return state_->over();
}

Link::Statistics Link::statistics() const {
  return state_->statistics();
}

}  // namespace subunit::link
