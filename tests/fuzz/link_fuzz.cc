// What must hold for the console link, whatever comes and whenever.
//
// One end, whose line says what the input wants (bytes, and frames of any kind with any numbers and
// bodies, most of them in its session):
//
//   1. Events come in their order, and those that come once come once.
//   2. Every byte that was received is part of a frame, noise, or the text of a test.
//   3. No byte of never_sent() leaves but for the marks and ends of frames and a lone XON.
//   4. No more payload is held than there is room for.
//   5. There is an end to what a moment makes it say, and no deadline that stays behind.
//
// Two ends, between which the input drops, changes, repeats and adds bytes as long as it lasts:
//
//   6. What arrives is how the other end's stream begins. All of it arrives, and both ends close
//      in order, but if nothing has got through for so long that one of them was given up.

#include <string>

#include "common/link/arq/receive_window.h"
#include "common/link/frame/frame_text.h"
#include "common/link/handshake.h"
#include "tests/fuzz/recipe.h"
#include "tests/link_simulation.h"

using namespace subunit;
using namespace subunit::link;
using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t kServe = 0xFFFFF0;  // so that numbers wrap around soon
constexpr std::uint32_t kClient = 0x000123;

std::uint32_t some_number(Choices& choices, std::uint32_t near) {
  if (choices.ConsumeBool())
    return (near + choices.ConsumeIntegralInRange<int>(-3, 200)) & 0xFFFFFF;
  return choices.ConsumeIntegralInRange<std::uint32_t>(0, 0xFFFFFF);
}

std::string some_body(Choices& choices, std::size_t most) {
  if (choices.ConsumeBool()) return choices.ConsumeRandomLengthString(20);
  const std::string start = choices.ConsumeRandomLengthString(20);
  std::string body(choices.ConsumeIntegralInRange<std::size_t>(0, most), 'x');
  return body.replace(0, std::min(start.size(), body.size()), start);
}

/// One end, and its line.
class OneEnd {
 public:
  OneEnd(Choices& choices, bool is_serve)
      : choices_(choices),
        is_serve_(is_serve),
        link_({.sends = is_serve ? to_client() : to_serve(),
               .nonce = is_serve ? kServe : kClient,
               .raw = choices.ConsumeBool()}) {}

  void run() {
    if (choices_.ConsumeBool()) open();
    while (choices_.remaining_bytes() > 0) step();
    link_.receive_eof(now_);
    link_.want_payload(true);
    wanted_ = true;
    drain();
    MUST(link_.over());
    if (!abandoned_) check_all_bytes();
  }

 private:
  static Frame::Direction to_client() { return Frame::Direction::kToClient; }
  static Frame::Direction to_serve() { return Frame::Direction::kToServe; }

  void open() {
    hello(is_serve_ ? kServe : 0);
    static_cast<void>(say_all());
    hello(is_serve_ ? kServe : kClient);
  }

  void hello(std::uint32_t other) {
    Buffer body;
    Hello{.raw = choices_.ConsumeBool(),
          .may_upgrade = true,
          .nonce = is_serve_ ? kClient : kServe,
          .other = other}
        .encode(body);
    hear_frame({.type = Frame::Type::kHello, .body = body});
  }

  void step() {
    switch (choices_.ConsumeIntegralInRange(0, 9)) {
      case 0:
        return hear(choices_.ConsumeRandomLengthString(300));
      case 1:
      case 2:
      case 3:
        return some_frame();
      case 4:
        return link_.send(as_bytes(some_body(choices_, 20'000)));
      case 5:
        return pass_time();
      case 6:
        return say_all();
      case 7:
        wanted_ = !wanted_;
        link_.want_payload(wanted_);
        return drain();
      case 8:
        return hello(some_number(choices_, is_serve_ ? kServe : kClient));
      default:
        if (choices_.ConsumeIntegralInRange(0, 7) > 0) return;
        if (choices_.ConsumeBool()) return link_.finish();
        link_.abandon(some_body(choices_, 300));
        abandoned_ = true;
    }
  }

  void some_frame() {
    static constexpr Frame::Type kTypes[] = {
        Frame::Type::kData, Frame::Type::kData,  Frame::Type::kFinish, Frame::Type::kAck,
        Frame::Type::kAck,  Frame::Type::kPing,  Frame::Type::kTest,   Frame::Type::kTestResult,
        Frame::Type::kEcho, Frame::Type::kReset, Frame::Type::kHello};
    Frame frame{.type = choices_.PickValueInArray(kTypes)};
    frame.sequence = some_number(choices_, is_serve_ ? kClient : kServe);
    frame.acknowledged = some_number(choices_, is_serve_ ? kServe : kClient);
    tested_ |= frame.type == Frame::Type::kTest;
    const std::string body = some_body(choices_, kMaxBody);
    frame.body = as_bytes(body);
    hear_frame(frame);
  }

  void hear_frame(Frame frame) {
    const bool odd = choices_.ConsumeIntegralInRange(0, 15) == 0;
    frame.direction = is_serve_ != odd ? to_serve() : to_client();
    frame.session = odd ? some_number(choices_, 0) : session_id(kServe, kClient);
    Buffer text;
    encode_frame(frame, text);
    hear(as_text(text));
  }

  void hear(std::string_view text) {
    heard_ += text.size();
    link_.receive(as_bytes(text), now_);
    drain();
  }

  void pass_time() {
    const auto deadline = link_.next_deadline();
    now_ += std::chrono::milliseconds(choices_.ConsumeIntegralInRange(0, 2000));
    if (deadline && choices_.ConsumeBool()) now_ = std::max(now_, *deadline);
    link_.tick(now_);
    drain();
    const auto next = link_.next_deadline();
    MUST(!next || *next > now_);
  }

  void say_all() {
    for (int frames = 0; !link_.pending_output(now_).empty(); ++frames) {
      MUST(frames < 100'000);
      LinkSimulation::check(link_.pending_output(now_));
      link_.consume_output();
    }
    drain();
  }

  void drain() {
    while (const auto event = link_.next_event()) take(*event);
    if (wanted_) held_ = 0;
  }

  void take(const Link::Event& event) {
    MUST(!abandoned_);
    if (const auto* const noise = std::get_if<Link::Noise>(&event)) {
      noise_ += noise->bytes.size();
      return;
    }
    MUST(!over_);
    if (std::holds_alternative<Link::Opened>(event)) {
      MUST(!std::exchange(opened_, true));
    } else if (const auto* const echo = std::get_if<Link::Echo>(&event)) {
      MUST(!std::exchange(echo->here ? echo_here_ : echo_there_, true));
    } else if (const auto* const payload = std::get_if<Link::Payload>(&event)) {
      MUST(opened_ && !finished_ && wanted_ && !payload->bytes.empty());
      MUST(payload->bytes.size() <= ReceiveWindow::kMaxHeld);
    } else if (std::holds_alternative<Link::Finished>(event)) {
      MUST(opened_ && !std::exchange(finished_, true));
    } else {
      MUST(std::holds_alternative<Link::Dead>(event) || finished_);
      over_ = true;
    }
  }

  void check_all_bytes() const {
    const Link::Statistics statistics = link_.statistics();
    MUST(statistics.line_bytes_received == heard_);
    MUST(statistics.text_noise + statistics.damaged_noise == noise_);
    MUST(statistics.frame_bytes + noise_ <= heard_);
    MUST(tested_ || statistics.frame_bytes + noise_ == heard_);
  }

  Choices& choices_;
  bool is_serve_;
  Link link_;
  Time now_{0};
  bool wanted_ = true;
  bool tested_ = false, abandoned_ = false;
  bool opened_ = false, finished_ = false, over_ = false, echo_here_ = false, echo_there_ = false;
  std::uint64_t heard_ = 0, noise_ = 0, held_ = 0;
};

/// What the input makes of a write.
Buffer harmed(Choices& choices, Bytes bytes) {
  Buffer out(bytes.begin(), bytes.end());
  if (choices.remaining_bytes() == 0 || out.empty()) return out;
  const std::size_t at = choices.ConsumeIntegralInRange<std::size_t>(0, out.size() - 1);
  const std::size_t to =
      std::min(out.size(), at + choices.ConsumeIntegralInRange<std::size_t>(1, 60));
  const auto from = out.begin() + static_cast<std::ptrdiff_t>(at);
  const auto end = out.begin() + static_cast<std::ptrdiff_t>(to);
  switch (choices.ConsumeIntegralInRange(0, 8)) {
    case 0:
      return {};
    case 1:
      out.erase(from, end);
      return out;
    case 2:
      *from ^= choices.ConsumeIntegral<std::uint8_t>();
      return out;
    case 3: {
      const Buffer again(from, end);
      out.insert(end, again.begin(), again.end());
      return out;
    }
    case 4: {
      const std::string other = choices.ConsumeRandomLengthString(50);
      out.insert(from, other.begin(), other.end());
      return out;
    }
    case 5:
      append(out, bytes);  // the whole twice
      return out;
    default:
      return out;
  }
}

void run_two(Choices& choices) {
  LineFaults line{.delay = std::chrono::milliseconds(choices.ConsumeIntegralInRange(0, 100))};
  if (choices.ConsumeBool()) line.bytes_per_second = choices.ConsumeIntegralInRange(1000, 200'000);
  line.flow_control = choices.ConsumeBool();
  LinkOptions serve = LinkSimulation::serve_at(line);
  LinkOptions client = LinkSimulation::client_at(line);
  serve.raw = choices.ConsumeBool();
  LinkSimulation simulation(serve, line, client, line, 1);
  simulation.serve.to_send.resize(choices.ConsumeIntegralInRange<std::size_t>(0, 60'000));
  simulation.client.to_send.resize(choices.ConsumeIntegralInRange<std::size_t>(0, 60'000));
  std::uint8_t next = 0;
  for (auto* end : {&simulation.serve, &simulation.client}) {
    for (char& byte : end->to_send) byte = static_cast<char>(next++ * 7);
    end->harm = [&](Bytes bytes) { return harmed(choices, bytes); };
  }
  simulation.run(1000s);
  MUST(simulation.serve.to_send.starts_with(simulation.client.received));
  MUST(simulation.client.to_send.starts_with(simulation.serve.received));
  const bool exact = simulation.serve.to_send == simulation.client.received &&
                     simulation.client.to_send == simulation.serve.received;
  const bool closed = simulation.serve.closed && simulation.client.closed;
  MUST((exact && closed) || simulation.serve.dead || simulation.client.dead);
  MUST(exact || !closed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices(data, size);
  const int kind = choices.ConsumeIntegralInRange(0, 2);
  if (kind == 2)
    run_two(choices);
  else
    OneEnd(choices, kind == 0).run();
  return 0;
}
