#include "common/base/utf8.h"
#include "common/link/frame/frame_text.h"
#include "common/link/link_state.h"

namespace subunit::link {
namespace {

constexpr std::uint8_t kXon = 0x11;

// So many payload bytes have to arrive before the line is tried: less is not worth it.
constexpr std::uint64_t kWorthATest = 4096;

// So much more room is worth a frame that tells of it; less is, when there is hardly any.
constexpr std::uint64_t kMuchRoom = ReceiveWindow::kMaxHeld / 4;
constexpr std::uint64_t kSomeRoom = 4096;

}  // namespace

Bytes Link::State::output(Time now) {
  now_ = now;
  if (!output_.empty()) return output_;
  if (phase_ == Phase::kDead || phase_ == Phase::kAbandoned) return {};
  line_free_at_.reset();
  ack_.tick(now);
  if (pacer_.ready_at() > now) {
    line_free_at_ = pacer_.ready_at();
    return {};
  }
  build();
  return output_;
}

/// Offers what is most urgent. What it says is said: an offer is never taken back.
void Link::State::build() {
  offer_ = Offer::kRest;
  if (xon_due_) {
    xon_due_ = false;
    output_ = {kXon};
  } else if (tester_.writing()) {
    build_test();
  } else if (session_.hello_due()) {
    build_hello();
  } else if (receive_ && (ack_.due() || (open_now() && must_tell_room()))) {
    build_ack();
  } else if (open_now()) {
    build_in_session();
  }
}

void Link::State::build_in_session() {
  if (echo_due_) {
    echo_due_ = false;
    build_frame({.type = Frame::Type::kEcho});
  } else if (testee_.answer_due()) {
    const Buffer answer = testee_.take_answer();
    build_frame({.type = Frame::Type::kTestResult, .body = answer});
  } else if (ping_due_) {
    ping_due_ = false;
    build_frame({.type = Frame::Type::kPing});
  } else if (worth_a_test()) {
    tester_.start();
    build_test();
  } else {
    build_piece();
  }
}

void Link::State::build_frame(Frame frame, const DenseCode* code) {
  frame.direction = options_.sends;
  frame.session = session_.id();
  if (receive_) frame.acknowledged = receive_->awaited();
  ++counts_.frames_sent;
  if (code)
    encode_dense_frame(frame, *code, output_);
  else
    encode_frame(frame, output_);
}

void Link::State::build_hello() {
  Buffer body;
  session_.hello().encode(body);
  build_frame({.type = Frame::Type::kHello, .body = body});
  session_.hello_sent(now_);
}

void Link::State::build_ack() {
  Buffer body;
  Acknowledgement acknowledgement = receive_->acknowledgement();
  acknowledgement.all_arrived = said_all_arrived_ = all_arrived();
  acknowledgement.encode(body);
  build_frame({.type = Frame::Type::kAck, .body = body});
  told_limit_ = receive_->limit();
  ack_.sent();
}

void Link::State::build_piece() {
  piece_ = sender_.next();
  if (!piece_) return ask_for_room();
  offer_ = Offer::kPiece;
  const DenseCode* const code = piece_->finish ? nullptr : sender_.dense_code();
  piece_dense_ = code != nullptr;
  const Frame::Type type = piece_->finish ? Frame::Type::kFinish
                           : code         ? Frame::Type::kDense
                                          : Frame::Type::kData;
  build_frame({.type = type, .sequence = wrapped(piece_->number), .body = piece_->payload}, code);
  if (piece_->again) ++counts_.retransmitted;
  if (!receive_->has_gap()) ack_.sent();  // the frame says it all
}

void Link::State::build_test() {
  const LineTester::Step step = tester_.step();
  offer_ = Offer::kTestStep;
  if (step.frame)
    build_frame({.type = Frame::Type::kTest, .body = step.bytes});
  else
    output_ = step.bytes;
}

bool Link::State::worth_a_test() const {
  return tester_.idle() && both_upgrade_ && counts_.echoes == 0 && sender_.window().queued() > 0 &&
         sender_.window().payload_arrived() >= kWorthATest;
}

bool Link::State::must_tell_room() const {
  const std::uint64_t more = receive_->limit() - told_limit_;
  const std::uint64_t left = told_limit_ - std::min(told_limit_, receive_->received());
  return more >= kMuchRoom || (more >= kSomeRoom && more >= left);
}

void Link::State::consume_output() {
  if (output_.empty()) return;
  counts_.line_bytes_sent += output_.size();
  pacer_.sent(output_.size(), now_);
  if (offer_ == Offer::kPiece) sender_.sent(*piece_, output_.size(), piece_dense_, now_);
  if (offer_ == Offer::kTestStep) tester_.step_done(now_);
  offer_ = Offer::kNothing;
  output_.clear();
  check_complete();
}

void Link::State::abandon(std::string_view why) {
  const bool tell = open_now();
  phase_ = Phase::kAbandoned;
  output_.clear();
  offer_ = Offer::kRest;
  if (!tell) return;
  const std::string text = shortened(why, kMaxEarlyBody);
  build_frame({.type = Frame::Type::kReset, .body = as_bytes(text)});
}

}  // namespace subunit::link
