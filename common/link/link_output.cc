#include "common/link/link_output.h"

#include "common/base/text.h"
#include "common/link/frame/frame_text.h"

namespace subunit::link {
namespace {

// While the other end has no room, it is asked for that so often: the word of it may be lost.
constexpr Time kAskRoomInterval = std::chrono::seconds(1);

constexpr std::uint8_t kXon = 0x11;

// So many payload bytes have to arrive before the line is tried: less is not worth it.
constexpr std::uint64_t kWorthATest = 4096;

// So much more room is worth a frame that tells of it; less is, when there is hardly any.
constexpr std::uint64_t kMuchRoom = ReceiveWindow::kMaxHeld / 4;
constexpr std::uint64_t kSomeRoom = 4096;

}  // namespace

Bytes LinkOutput::pending(Time now) {
  parts_.now = now;
  if (!parts_.output.empty()) return parts_.output;
  if (parts_.phase == LinkParts::Phase::kDead || parts_.phase == LinkParts::Phase::kAbandoned)
    return {};
  line_free_at_.reset();
  parts_.ack.tick(now);
  if (parts_.pacer.ready_at() > now) {
    line_free_at_ = parts_.pacer.ready_at();
    return {};
  }
  build();
  return parts_.output;
}

/// Offers what is most urgent. What it says is said: an offer is never taken back.
void LinkOutput::build() {
  offer_ = Offer::kRest;
  if (parts_.xon_due) {
    parts_.xon_due = false;
    parts_.output = {kXon};
  } else if (parts_.tester.writing()) {
    build_test();
  } else if (parts_.session.hello_due()) {
    build_hello();
  } else if (parts_.receive && (parts_.ack.due() || (parts_.open() && must_tell_room()))) {
    build_ack();
  } else if (parts_.open()) {
    build_in_session();
  }
}

void LinkOutput::build_in_session() {
  if (parts_.echo_due) {
    parts_.echo_due = false;
    build_frame({.type = Frame::Type::kEcho});
  } else if (parts_.testee.answer_due()) {
    const Buffer answer = parts_.testee.take_answer();
    build_frame({.type = Frame::Type::kTestResult, .body = answer});
  } else if (parts_.ping_due) {
    parts_.ping_due = false;
    build_frame({.type = Frame::Type::kPing});
  } else if (worth_a_test()) {
    parts_.tester.start();
    build_test();
  } else {
    build_piece();
  }
}

void LinkOutput::build_frame(Frame frame, const DenseCode* code) {
  frame.direction = parts_.options.sends;
  frame.session = parts_.session.id();
  if (parts_.receive) frame.acknowledged = parts_.receive->awaited();
  ++parts_.counts.frames_sent;
  if (code)
    encode_dense_frame(frame, *code, parts_.output);
  else
    encode_frame(frame, parts_.output);
}

void LinkOutput::build_hello() {
  Buffer body;
  parts_.session.hello().encode(body);
  build_frame({.type = Frame::Type::kHello, .body = body});
  parts_.session.hello_sent(parts_.now);
}

void LinkOutput::build_ack() {
  Buffer body;
  Acknowledgement acknowledgement = parts_.receive->acknowledgement();
  acknowledgement.all_arrived = parts_.said_all_arrived = parts_.all_arrived();
  acknowledgement.encode(body);
  build_frame({.type = Frame::Type::kAck, .body = body});
  told_limit_ = parts_.receive->limit();
  parts_.ack.sent();
}

void LinkOutput::build_piece() {
  piece_ = parts_.sender.next();
  if (!piece_) return ask_for_room();
  offer_ = Offer::kPiece;
  const DenseCode* const code = piece_->finish ? nullptr : parts_.sender.dense_code();
  piece_dense_ = code != nullptr;
  const Frame::Type type = piece_->finish ? Frame::Type::kFinish
                           : code         ? Frame::Type::kDense
                                          : Frame::Type::kData;
  build_frame({.type = type, .sequence = wrapped(piece_->number), .body = piece_->payload}, code);
  if (piece_->again) ++parts_.counts.retransmitted;
  if (!parts_.receive->has_gap()) parts_.ack.sent();  // the frame says it all
}

void LinkOutput::build_test() {
  const LineTester::Step step = parts_.tester.step();
  offer_ = Offer::kTestStep;
  if (step.frame)
    build_frame({.type = Frame::Type::kTest, .body = step.bytes});
  else
    parts_.output = step.bytes;
}

bool LinkOutput::worth_a_test() const {
  return parts_.tester.idle() && parts_.both_upgrade && parts_.counts.echoes == 0 &&
         parts_.sender.window().queued() > 0 &&
         parts_.sender.window().payload_arrived() >= kWorthATest;
}

bool LinkOutput::must_tell_room() const {
  const std::uint64_t more = parts_.receive->limit() - told_limit_;
  const std::uint64_t left = told_limit_ - std::min(told_limit_, parts_.receive->received());
  return more >= kMuchRoom || (more >= kSomeRoom && more >= left);
}

void LinkOutput::consume() {
  if (parts_.output.empty()) return;
  parts_.counts.line_bytes_sent += parts_.output.size();
  parts_.pacer.sent(parts_.output.size(), parts_.now);
  if (offer_ == Offer::kPiece)
    parts_.sender.sent(*piece_, parts_.output.size(), piece_dense_, parts_.now);
  if (offer_ == Offer::kTestStep) parts_.tester.step_done(parts_.now);
  offer_ = Offer::kNothing;
  parts_.output.clear();
}

void LinkOutput::abandon(std::string_view why) {
  const bool tell = parts_.open();
  parts_.phase = LinkParts::Phase::kAbandoned;
  parts_.output.clear();
  offer_ = Offer::kRest;
  if (!tell) return;
  const std::string text = shortened(why, kMaxEarlyBody);
  build_frame({.type = Frame::Type::kReset, .body = as_bytes(text)});
}

// ---- time

std::optional<Time> LinkOutput::next_deadline() const {
  return parts_.open() ? earlier(line_free_at_, ask_room_at_) : line_free_at_;
}

void LinkOutput::tick() {
  if (line_free_at_ && parts_.now >= *line_free_at_) line_free_at_.reset();
}

void LinkOutput::ask_for_room() {
  if (!parts_.sender.window().blocked()) {
    ask_room_at_.reset();
  } else if (!ask_room_at_) {
    ask_room_at_ = parts_.now + kAskRoomInterval;
  } else if (parts_.now >= *ask_room_at_) {
    ask_room_at_ = parts_.now + kAskRoomInterval;
    parts_.ping_due = true;
  }
}

}  // namespace subunit::link
