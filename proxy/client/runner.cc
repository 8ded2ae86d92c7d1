#include "proxy/client/runner.h"

#include <algorithm>
#include <csignal>
#include <unordered_set>

#include "common/base/escape.h"
#include "common/subunit/encoder.h"
#include "common/verdict/failure.h"
#include "proxy/io/wall_clock.h"

namespace proxy {

using std::chrono::seconds;
using subunit::Bytes;
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
constexpr std::size_t kMaxFirstNoise = 4096;

std::string in_seconds(subunit::Time time) {
  return fmt::format("{:g} s", std::chrono::duration<double>(time).count());
}

}  // namespace

Runner::Runner(uv_loop_t& loop, const RunOptions& options, const Selection& selection, Fd out,
               const Log& log)
    : loop_(loop),
      options_(options),
      selection_(selection),
      log_(log),
      out_(loop, std::move(out),
           {.progress = [this] { channel_.set_flow(!out_.congested()); },
            .failed =
                [this](const subunit::Error& error) {
                  fail(fmt::format("cannot write the results to stdout: {}", error.text));
                }}),
      output_(make_output(options.format, options.list, out_, ledger_, loop)),
      channel_(loop, {.packet = [this](const Packet& packet) { receive(packet); },
                      .noise = [this](Bytes bytes) { receive_noise(bytes); },
                      .batch = [this] { batch_over(); },
                      .ended = [this] { channel_ended(); }}),
      deadline_(loop, [this] { deadline_passed(); }),
      interrupt_(loop, SIGINT, [this] { interrupt(); }),
      terminate_(loop, SIGTERM, [this] { interrupt(); }),
      hangup_(loop, SIGHUP, [this] { interrupt(); }) {}

Result<> Runner::start() {
  if (auto started = channel_.start(options_.channel); !started) return started;
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
      return fail(fmt::format("waited {} for the proxy to say Ready; {}",
                              in_seconds(options_.ready_timeout), early_noise()));
    case Phase::kAttach:
      return fail(
          fmt::format("{} is ready, but no test server has connected to it within {}: does its "
                      "command start one?",
                      proxy_, in_seconds(options_.attach_timeout)));
    case Phase::kHello:
      return fail(fmt::format(
          "the test server{} is connected, but has not answered Hello within {}: it "
          "may be stuck, or know nothing of this protocol",
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
  if (std::holds_alternative<subunit::ClientSession::Answered>(*event)) return answered();
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
    proxy_ = ready->proxy;
    held_line_feed_ = false;
    enter(Phase::kAttach, options_.attach_timeout);
  } else if (const auto* attached = std::get_if<subunit::Attached>(&*announcement)) {
    if (phase_ != Phase::kAttach)
      return log_.warning("a second test server has connected to the proxy");
    address_ = attached->address;
    say_hello();
  } else if (const auto* detached = std::get_if<subunit::Detached>(&*announcement)) {
    // After Goodbye this is how it should be. Otherwise the end of the channel follows.
    if (phase_ < Phase::kGoodbye && problem_.empty()) problem_ = detached->reason;
  } else if (const auto* refused = std::get_if<subunit::Refused>(&*announcement)) {
    fail(fmt::format("the proxy refused what was sent: {}", refused->text));
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
  output_->packet(packet);
}

void Runner::receive_noise(Bytes bytes) {
  if (phase_ == Phase::kReady) {
    if (held_line_feed_) first_noise_ += '\n';
    const std::string_view text = subunit::as_text(bytes);
    first_noise_ += text.substr(0, kMaxFirstNoise - std::min(kMaxFirstNoise, first_noise_.size()));
  }
  subunit::Buffer packets;
  const std::uint8_t line_feed = '\n';
  if (held_line_feed_) noise_.add(Bytes(&line_feed, 1), packets);
  held_line_feed_ = phase_ == Phase::kReady && bytes.back() == '\n';
  if (held_line_feed_) bytes = bytes.first(bytes.size() - 1);
  noise_.add(bytes, packets);
  emit(packets);
}

void Runner::batch_over() {
  output_->flush();
  channel_.set_flow(!out_.congested());
}

/// Packets of our own making, for the output.
void Runner::emit(subunit::Buffer& packets) {
  output_->flush();
  subunit::Decoder decoder;
  decoder.receive(packets, subunit::Time(0));
  while (const auto event = decoder.next_event()) {
    const Packet& packet = std::get<Packet>(*event);
    ledger_.record(packet);
    output_->packet(packet);
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
  options_.list || selection_.filters() || !selection_.named() ? ask_list() : ask_run();
}

void Runner::ask_list() {
  if (const auto nonce = session_.list(selection_.named()); !nonce) return fail(nonce.error().text);
  send_pending();
  enter(Phase::kList);
}

void Runner::ask_run() {
  subunit::TestIds tests = selection_.named();
  const bool listed = phase_ == Phase::kList;
  if (selection_.filters()) tests = listed_;
  if (tests) {
    // Asked for twice is run once; a suite that has two tests of one id runs both.
    std::unordered_set<std::string_view> seen;
    std::erase_if(*tests, [&seen](const std::string& id) { return !seen.insert(id).second; });
  }
  for (const std::string& id : listed ? listed_ : *tests) ledger_.expect(id);
  output_->expect(listed ? listed_.size() : tests->size());
  if (const auto nonce = session_.run(std::move(tests)); !nonce) return fail(nonce.error().text);
  send_pending();
  enter(Phase::kRun);
}

void Runner::answered() {
  if (phase_ == Phase::kList && !options_.list) {
    if (!listed_.empty() || !selection_.filters()) return ask_run();
    log_.error("none of the {} tests matches: nothing to run", listed_in_all_);
    exit_status_ = 2;
  } else {
    exit_status_ = 0;
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

std::string Runner::early_noise() const {
  if (first_noise_.empty()) return "the channel printed nothing";
  return fmt::format("the channel printed: \"{}\"", subunit::escaped(first_noise_, kMaxFirstNoise));
}

void Runner::fail(std::string problem) {
  if (problem_.empty()) problem_ = std::move(problem);
  deadline_.stop();
  channel_.hang_up(kHangUpGrace);
}

void Runner::interrupt() {
  if (phase_ == Phase::kOver) return out_.close();  // nobody reads what is left
  if (++interrupts_ > 1) {
    channel_.hang_up(kHangUpGrace);
    return channel_.kill();
  }
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
      problem_ = fmt::format("the channel ended before the proxy said Ready: \"{}\" {}; {}",
                             subunit::escaped(options_.channel[0]), end, early_noise());
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
  if (!completed_) {
    exit_status_ = 3;
  } else if (ledger_.failures() > 0) {
    exit_status_ = 1;
  }
  out_.finish();
}

/// Every test that was asked for gets an end: those in progress, and those that never started.
void Runner::fail_tests() {
  const std::string why = problem_.empty() ? "the run ended" : problem_;
  subunit::Buffer packets;
  for (const std::string& id : ledger_.in_progress())
    encode_failure(id, std::nullopt, wall_clock(), why + " while this test was in progress\n",
                   packets);
  emit(packets);
  packets.clear();
  for (const std::string_view id : ledger_.missing()) {
    const std::string reason = completed_
                                   ? "no result before Done: the test server was asked to run this "
                                     "test and has not said how it ended\n"
                                   : fmt::format("not run: {}\n", why);
    encode_failure(id, std::nullopt, wall_clock(), reason, packets);
  }
  emit(packets);
}

}  // namespace proxy
