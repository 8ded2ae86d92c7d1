#include "common/link/link_input.h"

#include <algorithm>
#include <utility>

#include "common/base/text.h"

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

std::optional<Link::Event> LinkInput::next_event() {
  if (parts_.phase == LinkParts::Phase::kAbandoned) {
    while (parts_.reader.next_event()) continue;  // nobody asks any more
    return std::nullopt;
  }
  while (true) {
    if (auto event = ready_event()) return event;
    if (parts_.receive) parts_.receive->keep();
    const auto found = parts_.reader.next_event();
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

std::optional<Link::Event> LinkInput::ready_event() {
  if (const auto late = parts_.testee.take_noise()) return counted(*late);
  for (const Once which : {kOpened, kEchoThere, kEchoHere}) {
    if (auto event = once_event(which)) return event;
  }
  if (parts_.receive && !parts_.receive->payload().empty()) {
    if (!wanted_) return std::nullopt;
    const Link::Payload payload{parts_.receive->payload()};
    parts_.receive->take();
    return payload;
  }
  for (const Once which : {kFinished, kClosed, kDied}) {
    if (auto event = once_event(which)) return event;
  }
  return std::nullopt;
}

std::optional<Link::Event> LinkInput::once_event(Once which) {
  if (!raised_[which]) return std::nullopt;
  raised_[which] = false;
  switch (which) {
    case kOpened:
      return Link::Opened{};
    case kEchoThere:
      return Link::Echo{false};
    case kEchoHere:
      return Link::Echo{true};
    case kFinished:
      return Link::Finished{};
    case kClosed:
      return Link::Closed{};
    default:
      return Link::Dead{why_dead_};
  }
}

void LinkInput::raise_once(Once which) {
  if (!std::exchange(was_raised_[which], true)) raised_[which] = true;
}

// ---- noise

std::optional<Link::Event> LinkInput::noise(const LineNoise& noise) {
  if (parts_.open() && parts_.testee.collect(noise)) return std::nullopt;
  return counted(noise);
}

Link::Event LinkInput::counted(const LineNoise& noise) {
  if (noise.noise_class == LineNoise::Class::kText) {
    parts_.counts.text_noise += noise.bytes.size();
    line_speaks_ |= parts_.phase != LinkParts::Phase::kOpening && !is_only_xon(noise.bytes);
  } else {
    parts_.counts.damaged_noise += noise.bytes.size();
    parts_.sender.heard_damage();
  }
  return noise;
}

// ---- frames

void LinkInput::frame(const Frame& frame) {
  if (frame.direction == parts_.options.sends) return own_frame(frame);
  if (parts_.over()) return late_frame(frame);
  if (frame.type == Frame::Type::kHello) return hello(frame);
  if (!parts_.session.hear(frame.session)) {
    ++parts_.counts.stale;
    return;
  }
  if (parts_.phase == LinkParts::Phase::kOpening) open();
  heard();
  session_frame(frame);
}

/// What we have sent ourselves comes back; or somebody has, in an earlier session.
void LinkInput::own_frame(const Frame& frame) {
  bool ours = parts_.session.open() && frame.session == parts_.session.id();
  if (frame.type == Frame::Type::kHello) {
    const auto hello = Hello::decode(frame.body);
    ours = hello && hello->nonce == parts_.session.nonce();
  }
  if (!ours) {
    ++parts_.counts.stale;
    return;
  }
  ++parts_.counts.echoes;
  if (parts_.over()) return;
  if (parts_.counts.echoes == 1) parts_.sender.slow_down();
  raise_once(kEchoThere);
  if (echo_told_at_ && parts_.now - *echo_told_at_ < kEchoInterval) return;
  echo_told_at_ = parts_.now;
  parts_.echo_due = true;
}

/// The other end may not know yet that we have all of it.
void LinkInput::late_frame(const Frame& frame) {
  const bool asks = frame.type == Frame::Type::kData || frame.type == Frame::Type::kDense ||
                    frame.type == Frame::Type::kFinish || frame.type == Frame::Type::kPing;
  if (parts_.phase == LinkParts::Phase::kComplete && asks && frame.session == parts_.session.id())
    parts_.ack.urgent();
}

void LinkInput::hello(const Frame& frame) {
  const bool in_session = parts_.session.open();
  switch (parts_.session.hear_hello(frame.body, parts_.now)) {
    case Handshake::Heard::kMalformed:
      return found_malformed();
    case Handshake::Heard::kOpened:
      return open();
    case Handshake::Heard::kSession:
      return heard();
    case Handshake::Heard::kNothing:
      break;
    case Handshake::Heard::kDoubt:
      parts_.ping_due = true;
      break;
    case Handshake::Heard::kReplaced:
      return die("the other end has started again");
  }
  if (in_session) ++parts_.counts.stale;
}

void LinkInput::open() {
  const Hello& other = parts_.session.other();
  const bool both_raw = parts_.options.raw && other.raw;
  parts_.both_upgrade = both_raw && parts_.options.may_upgrade && other.may_upgrade;
  const double rates[] = {parts_.options.bytes_per_second,
                          static_cast<double>(other.bytes_per_second)};
  const double rate =
      rates[0] > 0 && rates[1] > 0 ? std::min(rates[0], rates[1]) : std::max(rates[0], rates[1]);
  parts_.pacer.set_rate(rate);
  parts_.sender.set_rate(rate);
  if (both_raw) parts_.sender.allow_long_frames();
  parts_.receive.emplace(other.nonce);
  parts_.phase = LinkParts::Phase::kOpen;
  heard();
  raise_once(kOpened);
}

void LinkInput::session_frame(const Frame& frame) {
  if (frame.type != Frame::Type::kTest) parts_.testee.stop();
  if (frame.type == Frame::Type::kAck) return acknowledgement(frame);
  if (!parts_.sender.acknowledge(frame.acknowledged, nullptr, parts_.now)) return found_malformed();
  switch (frame.type) {
    case Frame::Type::kData:
    case Frame::Type::kDense:
    case Frame::Type::kFinish:
      return payload(frame);
    case Frame::Type::kPing:
      return parts_.ack.urgent();
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

void LinkInput::acknowledgement(const Frame& frame) {
  const auto body = Acknowledgement::decode(frame.body);
  if (!body || !parts_.sender.acknowledge(frame.acknowledged, &*body, parts_.now))
    return found_malformed();
  parts_.heard_all_arrived |= body->all_arrived;
  check_complete();
}

void LinkInput::payload(const Frame& frame) {
  const bool finish = frame.type == Frame::Type::kFinish;
  if (finish != frame.body.empty()) return found_malformed();
  const auto verdict = parts_.receive->receive(frame.sequence, frame.body, finish);
  if (verdict == ReceiveWindow::Verdict::kDuplicate) ++parts_.counts.duplicates;
  if (verdict == ReceiveWindow::Verdict::kGap || finish) parts_.ack.urgent();
  parts_.ack.arrived(parts_.now);
  if (!parts_.receive->finished()) return;
  raise_once(kFinished);
  parts_.sender.hurry_finish();
}

void LinkInput::test(const Frame& frame) {
  if (!parts_.testee.hear(frame.body, line_speaks_ || !parts_.both_upgrade))
    return found_malformed();
  if (parts_.testee.code()) parts_.reader.set_dense_code(*parts_.testee.code());
}

void LinkInput::test_result(const Frame& frame) {
  const auto passes = parts_.tester.hear(frame.body);
  if (!passes) return;
  if (const auto code = DenseCode::create(*passes)) parts_.sender.set_dense_code(*code);
}

// ---- the end

/// Goes when the other end knows as much as we do. It may not hear us say so, and ask again: so
/// the one who knows first stays for a moment; see tick_session().
void LinkInput::check_complete() {
  if (!parts_.open() || !parts_.all_arrived()) return;
  if (!parts_.said_all_arrived) return parts_.ack.urgent();
  if (parts_.heard_all_arrived && !parts_.ack.due() && parts_.output.empty()) complete();
}

bool LinkInput::closed_is_due() const {
  const bool readable = wanted_ || !parts_.receive || parts_.receive->payload().empty();
  return raised_[kClosed] && readable;
}

void LinkInput::complete() {
  parts_.testee.stop();
  parts_.phase = LinkParts::Phase::kComplete;
  raise_once(kClosed);
}

void LinkInput::line_ended() {
  parts_.testee.stop();
  if (parts_.over()) return;
  if (parts_.only_word_missing()) return complete();
  die("the line has ended");
}

void LinkInput::die(std::string reason) {
  parts_.testee.stop();
  parts_.phase = LinkParts::Phase::kDead;
  why_dead_ = std::move(reason);
  parts_.output.clear();
  raise_once(kDied);
}

}  // namespace subunit::link
