#include "proxy/client/runner.h"

#include <algorithm>
#include <csignal>

#include "common/base/escape.h"
#include "common/subunit/encoder.h"
#include "common/verdict/failure.h"
#include "proxy/io/wall_clock.h"

namespace proxy {

using std::chrono::seconds;
using subunit::Bytes;
using subunit::in_seconds;
using subunit::Packet;
using subunit::Result;
using subunit::Status;

namespace {

// After Goodbye, the server and everything between end by themselves; a server takes its time to
// run its exit handlers.
constexpr auto kGoodbyePatience = seconds(10);
constexpr auto kInterruptPatience = seconds(2);  // somebody has pressed ^C and is waiting
// Between asking the channel's command to end and killing it. The proxy at the other end may wait
// for its servers that long.
constexpr auto kHangUpGrace = seconds(6);
constexpr auto kImpatientGrace = seconds(1);
constexpr std::size_t kMaxShown = 1000;  // of what the other side says
constexpr std::size_t kMaxReason = 200;
constexpr std::size_t kMaxEarlyNoise =
    1 << 20;  // a banner is a page; a wrong command may print for ever
constexpr std::size_t kMaxShownNoise = 4096;

}  // namespace

Runner::Runner(uv_loop_t& loop, const RunOptions& options, const Selection& selection, Fd out,
               const Log& log)
    : options_(options),
      selection_(selection),
      log_(log),
      out_(loop, std::move(out),
           {.progress = [this] { regulate(); },
            .failed = [this](const subunit::Error& error) { output_failed(error.text); }}),
      output_(make_output(options, out_, RunView{ledger_, [] { return std::nullopt; }}, loop)),
      channel_(loop, {.packet = [this](const Packet& packet) { receive(packet); },
                      .noise = [this](Bytes bytes) { receive_noise(bytes); },
                      .batch = [this] { batch_over(); },
                      .ended = [this] { channel_ended(); }}),
      deadline_(loop, [this] { deadline_passed(); }),
      interrupt_(loop, SIGINT, [this] { interrupt(); }),
      terminate_(loop, SIGTERM, [this] { interrupt(); }),
      hangup_(loop, SIGHUP, [this] { interrupt(); }) {}

Result<> Runner::start() {
  if (selection_.named() && !options_.list) expect(*selection_.named());
  if (auto started = channel_.start(options_.channels[0]); !started) return started;
  if (options_.direct) {
    say_hello();
  } else {
    enter(Phase::kReady, options_.ready_timeout);
  }
  return {};
}

void Runner::enter(Phase phase, std::optional<subunit::Time> deadline) {
  phase_ = phase;
  deadline ? deadline_.start(*deadline) : deadline_.stop();
}

void Runner::deadline_passed() {
  switch (phase_) {
    case Phase::kReady:
      return fail(fmt::format("waited {} (--ready-timeout) for the proxy to say Ready; {}",
                              in_seconds(options_.ready_timeout), describe_early_noise()));
    case Phase::kAttach:
      return fail(fmt::format(
          "{} is ready, but no test server has connected to it within {} (--attach-timeout): does "
          "its command start one?",
          proxy_, in_seconds(options_.attach_timeout)));
    case Phase::kHello:
      return fail(fmt::format(
          "the test server{} is connected, but has not answered Hello within {} "
          "(--hello-timeout): it may be stuck, or know nothing of this protocol",
          address_.empty() ? "" : " at " + address_, in_seconds(options_.hello_timeout)));
    case Phase::kGoodbye:
      if (problem_.empty()) problem_ = "the channel did not end after Goodbye";
      return channel_.hang_up(kHangUpGrace);
    default:
      return;
  }
}

// What comes over the channel.

void Runner::receive(const Packet& packet) {
  if (!problem_.empty() && phase_ < Phase::kGoodbye) return;
  if (subunit::carries_message(packet, subunit::kProxyTestId)) return receive_announcement(packet);
  if (phase_ == Phase::kReady || phase_ == Phase::kAttach) return receive_result(packet);
  const auto event = session_.receive(packet);
  if (!event) return fail(event.error().text);
  if (std::holds_alternative<subunit::ClientSession::NotMessage>(*event))
    return receive_result(packet);
  if (std::holds_alternative<subunit::ClientSession::Opened>(*event)) return opened();
  if (phase_ >= Phase::kGoodbye) return;  // what was asked before an interrupt is still answered
  if (std::holds_alternative<subunit::ClientSession::Answered>(*event)) return answered();
  if (const auto* failed = std::get_if<subunit::ClientSession::Failed>(&*event))
    fail(fmt::format("the test server: {}", subunit::escaped(failed->text, kMaxShown)));
}

void Runner::receive_announcement(const Packet& packet) {
  if (options_.direct) return;
  const auto json = announcements_.add(packet);
  if (!json) return fail(json.error().text);
  if (!*json) return;
  const auto announcement = subunit::parse_announcement(**json);
  if (!announcement) {
    // A newer proxy may have more to say.
    log_.info("left out a message of the proxy: {}", announcement.error().text);
  } else if (const auto* ready = std::get_if<subunit::Ready>(&*announcement)) {
    if (phase_ != Phase::kReady) return log_.warning("the proxy said Ready twice");
    proxy_ = subunit::escaped(ready->proxy);
    pass_on_early_noise();
    channel_.expect_packets();
    enter(Phase::kAttach, options_.attach_timeout);
  } else if (const auto* attached = std::get_if<subunit::Attached>(&*announcement)) {
    if (phase_ != Phase::kAttach)
      return log_.warning("a second test server has connected to the proxy");
    address_ = subunit::escaped(attached->address);
    say_hello();
  } else if (const auto* detached = std::get_if<subunit::Detached>(&*announcement)) {
    if (detached->reason != subunit::kGoodbyeReason && problem_.empty())
      problem_ = subunit::escaped(detached->reason, kMaxShown) + until_when();
    if (phase_ < Phase::kGoodbye) enter(Phase::kGoodbye, kGoodbyePatience);
  } else if (const auto* refused = std::get_if<subunit::Refused>(&*announcement)) {
    fail(fmt::format("the proxy refused what was sent: {}",
                     subunit::escaped(refused->text, kMaxShown)));
  }
}

void Runner::receive_result(const Packet& packet) {
  if (phase_ < Phase::kList && packet.test_id && packet.status != Status::kNone) {
    return fail(fmt::format(
        "test results came before any answer to Hello (first: \"{}\"): the command seems to know "
        "nothing of "
        "this protocol and simply runs its tests; `subunit-proxy wrap` is for such a suite",
        subunit::escaped(*packet.test_id)));
  }
  if (phase_ == Phase::kList && packet.status == Status::kExists && packet.test_id) {
    ++listed_in_all_;
    if (!selection_.matches(*packet.test_id)) return;
    listed_.emplace_back(*packet.test_id);
    if (!options_.list) return;  // known now; not what was asked for
  }
  ledger_.record(packet);
  output_->packet(packet, std::nullopt);
}

void Runner::receive_noise(Bytes bytes) {
  if (phase_ == Phase::kReady) {
    early_noise_size_ += bytes.size();
    subunit::append(early_noise_,
                    bytes.first(std::min(bytes.size(), kMaxEarlyNoise - early_noise_.size())));
    return;
  }
  subunit::Buffer packets;
  noise_.add(bytes, packets);
  emit(packets);
}

/// Once the proxy is there, what came before it is noise like any other.
void Runner::pass_on_early_noise() {
  if (early_noise_size_ > early_noise_.size()) {
    log_.warning("the channel printed {} bytes before the proxy said Ready; the first {} are kept",
                 early_noise_size_, early_noise_.size());
  } else if (!early_noise_.empty() && early_noise_.back() == '\n') {
    early_noise_.pop_back();  // Ready begins with it
  }
  subunit::Buffer packets;
  noise_.add(early_noise_, packets);
  emit(packets);
  early_noise_ = {};
}

void Runner::batch_over() {
  output_->flush();
  regulate();
}

void Runner::regulate() {
  channel_.set_flow(!out_.congested());
  // The end cannot come while we do not read.
  if (out_.congested() && phase_ == Phase::kGoodbye) deadline_.start(kGoodbyePatience);
}

/// Packets of our own making, for the output.
void Runner::emit(const subunit::Buffer& packets) {
  output_->flush();
  if (packets.empty()) return;
  subunit::Decoder decoder(packets.size());
  decoder.receive(packets, subunit::Time(0));
  while (const auto event = decoder.next_event()) {
    const Packet& packet = std::get<Packet>(*event);
    ledger_.record(packet);
    output_->packet(packet, std::nullopt);
  }
  output_->flush();
}

// What we say.

void Runner::send_pending() {
  const Bytes bytes = session_.pending_output();
  channel_.send(bytes);
  session_.consume_output(bytes.size());
}

void Runner::say_hello() {
  session_.hello();
  send_pending();
  enter(Phase::kHello, options_.hello_timeout);
}

void Runner::opened() {
  options_.list || !selection_.named() ? ask_list() : ask_run();
}

void Runner::ask_list() {
  if (const auto nonce = session_.list(selection_.named()); !nonce) return fail(nonce.error().text);
  send_pending();
  enter(Phase::kList);
}

void Runner::ask_run() {
  subunit::TestIds tests = selection_.named();
  if (phase_ == Phase::kList) {
    expect(listed_);
    if (selection_.filters()) tests = unique(listed_);
  }
  if (const auto nonce = session_.run(std::move(tests)); !nonce) return fail(nonce.error().text);
  send_pending();
  enter(Phase::kRun);
}

void Runner::expect(const std::vector<std::string>& ids) {
  for (const std::string& id : ids) ledger_.expect(id);
  output_->expect(ids.size());
}

void Runner::answered() {
  if (phase_ == Phase::kList && !options_.list) {
    if (!listed_.empty() || !selection_.filters()) return ask_run();
    log_.error("none of the {} tests matches: nothing to run", listed_in_all_);
    nothing_matched_ = true;
  }
  completed_ = true;
  say_goodbye();
}

void Runner::say_goodbye() {
  session_.goodbye();
  send_pending();
  channel_.finish();
  enter(Phase::kGoodbye, kGoodbyePatience);
}

// The end.

/// What the end of the server came too early for.
std::string Runner::until_when() const {
  if (phase_ == Phase::kHello) return " before it answered Hello";
  if (phase_ == Phase::kList || phase_ == Phase::kRun) return " before Done";
  return "";
}

std::string Runner::describe_early_noise() const {
  if (early_noise_.empty())
    return "the channel printed nothing (what it wrote to stderr stands above)";
  return fmt::format("the channel printed: \"{}\"", subunit::escaped(early_noise_, kMaxShownNoise));
}

void Runner::fail(std::string problem) {
  if (problem_.empty()) problem_ = std::move(problem);
  deadline_.stop();
  channel_.hang_up(kHangUpGrace);
}

void Runner::interrupt() {
  if (phase_ == Phase::kOver) return output_failed("nobody waits for the rest");
  if (++interrupts_ > 1) return channel_.hang_up(kImpatientGrace);
  if (problem_.empty()) problem_ = "interrupted";
  using State = subunit::ClientSession::State;
  if (session_.state() != State::kOpen && session_.state() != State::kClosing)
    return channel_.hang_up(kHangUpGrace);
  if (session_.state() == State::kOpen) say_goodbye();
  enter(Phase::kGoodbye, kInterruptPatience);
}

void Runner::channel_ended() {
  if (problem_.empty()) {
    const std::string end = channel_.ending()->text();
    if (phase_ == Phase::kReady) {
      problem_ =
          fmt::format("the channel ended before the proxy said Ready: \"{}\" {}; {}",
                      subunit::escaped(options_.channels[0][0]), end, describe_early_noise());
    } else if (const auto ended = session_.receive_eof(); !ended) {
      problem_ = fmt::format("{} (the channel's command {})", ended.error().text, end);
    }
  }
  conclude();
}

void Runner::conclude() {
  enter(Phase::kOver);
  subunit::Buffer packets;
  noise_.flush(packets);
  emit(packets);
  fail_tests();
  completed_ = completed_ && problem_.empty();
  output_->finish(completed_);
  if (!problem_.empty()) log_.error("{}", problem_);
  out_.finish();
}

void Runner::output_failed(std::string_view why) {
  output_lost_ = true;
  const std::string problem = fmt::format("cannot write the results to stdout: {}", why);
  if (phase_ != Phase::kOver) return fail(problem);
  log_.error("{}", problem);
  out_.close();
}

int Runner::exit_status() const {
  if (!completed_ || output_lost_) return 3;
  if (nothing_matched_) return 2;
  return ledger_.failures() > 0 ? 1 : 0;
}

/// Every test that was asked for gets an end: those in progress, and those that never started.
void Runner::fail_tests() {
  const std::string why = problem_.empty() ? "the run ended" : problem_;
  subunit::Buffer packets;
  for (const std::string& id : ledger_.in_progress()) {
    encode_failure(id, std::nullopt, wall_clock(), why + " while this test was in progress\n",
                   packets);
  }
  emit(packets);
  // There may be as many of these as tests, so each says it in a line.
  const std::string reason =
      completed_ ? "no result before Done: the test server was asked to run this test and has not "
                   "said how it ended\n"
                 : fmt::format("not run: {}\n", why.substr(0, kMaxReason));
  for (const std::string_view id : ledger_.missing()) {
    packets.clear();
    encode_failure(id, std::nullopt, wall_clock(), reason, packets);
    emit(packets);
  }
}

}  // namespace proxy
