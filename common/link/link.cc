#include "common/link/link.h"

#include <algorithm>
#include <utility>

#include "common/link/link_input.h"
#include "common/link/link_output.h"
#include "common/link/link_parts.h"

namespace subunit::link {
namespace {

static_assert(Link::kHelloInterval == Handshake::kHelloInterval);

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

LinkParts::LinkParts(const LinkOptions& link_options)
    : options(link_options),
      session(options.sends == Frame::Direction::kToClient, own_hello(options)),
      sender(session.nonce()),
      keepalive(Link::kPingInterval, Link::kDeadTimeout) {
  pacer.set_rate(options.bytes_per_second);
}

/// Both directions, and the time.
struct Link::State {
  explicit State(const LinkOptions& options) : parts(options) {}

  [[nodiscard]] std::optional<Time> next_deadline() const;
  void tick(Time now);
  void tick_session();
  [[nodiscard]] std::optional<Time> time_wait_until() const;
  [[nodiscard]] Statistics statistics() const;

  LinkParts parts;
  LinkInput input{parts};
  LinkOutput output{parts};
};

// ---- time

std::optional<Time> Link::State::next_deadline() const {
  if (parts.phase == LinkParts::Phase::kAbandoned) return std::nullopt;
  if (input.closed_is_due()) return parts.now;  // consume_output() can have made it so
  std::optional<Time> next = earlier(parts.reader.next_deadline(), output.next_deadline());
  if (parts.over()) return next;
  next = earlier(next, parts.session.next_deadline());
  if (!parts.open()) return next;
  for (const auto& deadline :
       {parts.ack.next_deadline(), std::optional(parts.keepalive.next_deadline()),
        parts.sender.next_deadline(), parts.tester.next_deadline(), time_wait_until()})
    next = earlier(next, deadline);
  return next;
}

void Link::State::tick(Time now) {
  parts.now = now;
  parts.reader.tick(now);
  output.tick();
  if (parts.over()) return;
  parts.session.tick(now);
  if (parts.session.unheard()) parts.xon_due = true;
  if (parts.open()) tick_session();
}

void Link::State::tick_session() {
  const Time now = parts.now;
  parts.ack.tick(now);
  parts.tester.tick(now);
  if (const auto end = time_wait_until(); end && now >= *end) return input.complete();
  if (parts.keepalive.dead(now)) {
    if (parts.only_word_missing()) return input.complete();
    return input.die("nothing has come from the other end for " + in_seconds(kDeadTimeout));
  }
  if (parts.sender.has_given_up(now))
    return input.die("the other end has not acknowledged anything for " +
                     in_seconds(Sender::kGiveUpTimeout));
  if (parts.sender.tick(now)) parts.keepalive.unanswered();
  if (parts.keepalive.tick(now)) parts.ping_due = true;
  if (parts.keepalive.stopped()) {
    parts.keepalive.released();
    parts.xon_due = true;
  }
  output.ask_for_room();
}

/// TIME-WAIT: when everything has arrived and the other end was told so, it would have asked again
/// by then.
std::optional<Time> Link::State::time_wait_until() const {
  if (!parts.said_all_arrived) return std::nullopt;
  const bool line_loses = parts.reader.counts().damaged > 0 || parts.counts.retransmitted > 0;
  return parts.keepalive.heard_at() + parts.sender.retransmission_time() * (line_loses ? 4 : 1);
}

Link::Statistics Link::State::statistics() const {
  Statistics out = parts.counts;
  out.reader = parts.reader.counts();
  out.reader.damaged += input.malformed();
  out.frame_bytes = parts.reader.frame_bytes();
  out.payload_sent = parts.sender.window().payload_arrived();
  out.payload_received = parts.receive ? parts.receive->received() : 0;
  out.bytes_per_second = parts.pacer.bytes_per_second();
  out.dense_out = parts.sender.dense_code() != nullptr;
  out.dense_in = parts.testee.code().has_value();
  return out;
}

// ---- the link itself

Link::Link(const LinkOptions& options) : state_(std::make_unique<State>(options)) {}
Link::Link(Link&&) noexcept = default;
Link& Link::operator=(Link&&) noexcept = default;
Link::~Link() = default;

void Link::receive(Bytes bytes, Time now) {
  state_->parts.now = now;
  if (state_->parts.receive) state_->parts.receive->keep();
  state_->parts.counts.line_bytes_received += bytes.size();
  state_->parts.reader.receive(bytes, now);
}

void Link::receive_eof(Time now) {
  state_->parts.now = now;
  if (state_->parts.receive) state_->parts.receive->keep();
  state_->parts.reader.receive_eof();
  state_->input.receive_eof();
}

std::optional<Link::Event> Link::next_event() {
  return state_->input.next_event();
}

void Link::want_payload(bool wanted) {
  state_->input.want_payload(wanted);
}

void Link::send(Bytes payload) {
  state_->parts.sender.queue(payload);
}

std::size_t Link::queued() const {
  return state_->parts.sender.window().queued();
}

bool Link::idle() const {
  return queued() == 0 && !state_->parts.sender.window().waiting();
}

void Link::finish() {
  state_->parts.sender.finish();
}

void Link::abandon(std::string_view why) {
  state_->output.abandon(why);
}

Bytes Link::pending_output(Time now) {
  return state_->output.pending(now);
}

void Link::consume_output() {
  if (state_->parts.output.empty()) return;
  state_->output.consume();
  state_->input.check_complete();
}

std::optional<Time> Link::next_deadline() const {
  return state_->next_deadline();
}

void Link::tick(Time now) {
  if (state_->parts.receive) state_->parts.receive->keep();
  state_->tick(now);
}

bool Link::heard_hello() const {
  return state_->parts.session.heard_hello();
}

bool Link::over() const {
  return state_->parts.over();
}

Link::Statistics Link::statistics() const {
  return state_->statistics();
}

}  // namespace subunit::link
