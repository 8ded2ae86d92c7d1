#include <algorithm>
#include <utility>

#include "common/base/escape.h"
#include "common/link/link_state.h"

namespace subunit::link {
namespace {

// Echoes go on; that they are there is said again now and then, since the frame may be lost.
constexpr Time kEchoInterval = std::chrono::seconds(5);

bool is_only_xon(Bytes bytes) {
  constexpr std::uint8_t kXon = 0x11;
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == kXon; });
}

}  // namespace

// ---- events

std::optional<Link::Event> Link::State::next_event() {
  if (phase_ == Phase::kAbandoned) {
    while (reader_.next_event()) continue;  // nobody asks any more
    return std::nullopt;
  }
  while (true) {
    if (auto event = ready_event()) return event;
    if (receive_) receive_->keep();
    const auto found = reader_.next_event();
    if (!found) {
      if (!std::exchange(eof_, false)) return std::nullopt;
      line_ended();
    } else if (const auto* const bytes = std::get_if<LineNoise>(&*found)) {
      if (auto event = noise(*bytes)) return event;
    } else {
      frame(std::get<Frame>(*found));
    }
  }
}

std::optional<Link::Event> Link::State::ready_event() {
  if (const auto late = testee_.take_noise()) return counted(*late);
  for (const Once which : {kOpened, kEchoThere, kEchoHere}) {
    if (auto event = once_event(which)) return event;
  }
  if (receive_ && !receive_->payload().empty()) {
    if (!wanted_) return std::nullopt;
    const Payload payload{receive_->payload()};
    receive_->take();
    return payload;
  }
  for (const Once which : {kFinished, kClosed, kDied}) {
    if (auto event = once_event(which)) return event;
  }
  return std::nullopt;
}

std::optional<Link::Event> Link::State::once_event(Once which) {
  if (!raised_[which]) return std::nullopt;
  raised_[which] = false;
  switch (which) {
    case kOpened:
      return Opened{};
    case kEchoThere:
      return Echo{false};
    case kEchoHere:
      return Echo{true};
    case kFinished:
      return Finished{};
    case kClosed:
      return Closed{};
    default:
      return Dead{why_dead_};
  }
}

void Link::State::raise_once(Once which) {
  if (!std::exchange(was_raised_[which], true)) raised_[which] = true;
}

// ---- noise

std::optional<Link::Event> Link::State::noise(const LineNoise& noise) {
  if (open_now() && testee_.collect(noise)) return std::nullopt;
  return counted(noise);
}

Link::Event Link::State::counted(const LineNoise& noise) {
  if (noise.noise_class == LineNoise::Class::kText) {
    counts_.text_noise += noise.bytes.size();
    line_speaks_ |= phase_ != Phase::kOpening && !is_only_xon(noise.bytes);
  } else {
    counts_.damaged_noise += noise.bytes.size();
    sender_.heard_damage();
  }
  return noise;
}

// ---- frames

void Link::State::frame(const Frame& frame) {
  if (frame.direction == options_.sends) return own_frame(frame);
  if (over()) return late_frame(frame);
  if (frame.type == Frame::Type::kHello) return hello(frame);
  if (!session_.hear(frame.session)) {
    ++counts_.stale;
    return;
  }
  if (phase_ == Phase::kOpening) open();
  heard();
  session_frame(frame);
}

/// What we have sent ourselves comes back; or somebody has, in an earlier session.
void Link::State::own_frame(const Frame& frame) {
  bool ours = session_.open() && frame.session == session_.id();
  if (frame.type == Frame::Type::kHello) {
    const auto hello = Hello::decode(frame.body);
    ours = hello && hello->nonce == session_.nonce();
  }
  if (!ours) {
    ++counts_.stale;
    return;
  }
  ++counts_.echoes;
  if (over()) return;
  if (counts_.echoes == 1) sender_.slow_down();
  raise_once(kEchoThere);
  if (echo_told_at_ && now_ - *echo_told_at_ < kEchoInterval) return;
  echo_told_at_ = now_;
  echo_due_ = true;
}

/// The other end may not know yet that we have all of it.
void Link::State::late_frame(const Frame& frame) {
  const bool asks = frame.type == Frame::Type::kData || frame.type == Frame::Type::kDense ||
                    frame.type == Frame::Type::kFinish || frame.type == Frame::Type::kPing;
  if (phase_ == Phase::kComplete && asks && frame.session == session_.id()) ack_.urgent();
}

void Link::State::hello(const Frame& frame) {
  const bool in_session = session_.open();
  switch (session_.hear_hello(frame.body, now_)) {
    case LinkSession::Heard::kMalformed:
      return malformed();
    case LinkSession::Heard::kOpened:
      return open();
    case LinkSession::Heard::kSession:
      return heard();
    case LinkSession::Heard::kNothing:
      break;
    case LinkSession::Heard::kDoubt:
      ping_due_ = true;
      break;
    case LinkSession::Heard::kReplaced:
      return die("the other end has started anew");
  }
  if (in_session) ++counts_.stale;
}

void Link::State::heard() {
  keepalive_.heard(now_);
}

void Link::State::open() {
  const Hello& other = session_.other();
  both_raw_ = options_.raw && other.raw;
  both_upgrade_ = both_raw_ && options_.may_upgrade && other.may_upgrade;
  const double rates[] = {options_.bytes_per_second, static_cast<double>(other.bytes_per_second)};
  const double rate =
      rates[0] > 0 && rates[1] > 0 ? std::min(rates[0], rates[1]) : std::max(rates[0], rates[1]);
  pacer_.set_rate(rate);
  sender_.set_rate(rate);
  if (both_raw_) sender_.allow_long_frames();
  receive_.emplace(other.nonce);
  phase_ = Phase::kOpen;
  heard();
  raise_once(kOpened);
}

void Link::State::session_frame(const Frame& frame) {
  if (frame.type != Frame::Type::kTest) testee_.stop();
  if (frame.type == Frame::Type::kAck) return acknowledgement(frame);
  if (!sender_.acknowledge(frame.acknowledged, nullptr, now_)) return malformed();
  switch (frame.type) {
    case Frame::Type::kData:
    case Frame::Type::kDense:
    case Frame::Type::kFinish:
      return payload(frame);
    case Frame::Type::kPing:
      return ack_.urgent();
    case Frame::Type::kTest:
      return test(frame);
    case Frame::Type::kTestResult:
      return test_result(frame);
    case Frame::Type::kEcho:
      return raise_once(kEchoHere);
    case Frame::Type::kReset:
      return die("the other end has given up: " + escaped(frame.body));
    case Frame::Type::kAck:
    case Frame::Type::kHello:
      return;  // seen to above
  }
}

void Link::State::acknowledgement(const Frame& frame) {
  const auto body = Acknowledgement::decode(frame.body);
  if (!body || !sender_.acknowledge(frame.acknowledged, &*body, now_)) return malformed();
  heard_all_arrived_ |= body->all_arrived;
  check_complete();
}

void Link::State::payload(const Frame& frame) {
  const bool finish = frame.type == Frame::Type::kFinish;
  if (finish != frame.body.empty()) return malformed();
  const auto verdict = receive_->receive(frame.sequence, frame.body, finish);
  if (verdict == ReceiveWindow::Verdict::kDuplicate) ++counts_.duplicates;
  if (verdict == ReceiveWindow::Verdict::kGap || finish) ack_.urgent();
  ack_.arrived(now_);
  if (!receive_->finished()) return;
  raise_once(kFinished);
  sender_.hurry_finish();
}

void Link::State::test(const Frame& frame) {
  if (!testee_.hear(frame.body, line_speaks_ || !both_upgrade_)) return malformed();
  if (testee_.code()) reader_.set_dense_code(*testee_.code());
}

void Link::State::test_result(const Frame& frame) {
  const auto passes = tester_.hear(frame.body);
  if (!passes) return;
  if (const auto code = DenseCode::create(*passes)) sender_.set_dense_code(*code);
}

// ---- the end

bool Link::State::all_arrived() const {
  return receive_ && receive_->finished() && sender_.window().finish_arrived();
}

/// Everything was sent and has come, but for the word that the other end has heard our end.
bool Link::State::only_word_missing() const {
  return receive_ && receive_->finished() && sender_.window().only_finish_left();
}

/// Goes when the other end knows as much as we do. It may not hear us say so, and ask again: so
/// the one who knows first stays for a moment; see tick_session().
void Link::State::check_complete() {
  if (!open_now() || !all_arrived()) return;
  if (!said_all_arrived_) return ack_.urgent();
  if (heard_all_arrived_ && !ack_.due() && output_.empty()) complete();
}

void Link::State::complete() {
  testee_.stop();
  phase_ = Phase::kComplete;
  raise_once(kClosed);
}

void Link::State::line_ended() {
  testee_.stop();
  if (over()) return;
  if (only_word_missing()) return complete();
  die("the line has ended");
}

void Link::State::die(std::string reason) {
  testee_.stop();
  phase_ = Phase::kDead;
  why_dead_ = std::move(reason);
  output_.clear();
  raise_once(kDied);
}

}  // namespace subunit::link
