#include "proxy/run/remote.h"

#include <algorithm>

#include "common/base/escape.h"
#include "common/subunit/decoder.h"
#include "common/subunit/route.h"

namespace proxy {

using std::chrono::seconds;
using subunit::Bytes;
using subunit::in_seconds;
using subunit::Packet;
using subunit::Result;
using subunit::Status;

namespace {

// Between asking the channel's command to end and killing it. The proxy at the other end may wait
// for its servers that long.
constexpr auto kHangUpGrace = seconds(6);
constexpr std::size_t kMaxShown = 1000;  // of what the other side says
constexpr std::size_t kMaxReason = 200;  // of why a server is to be replaced: a line
constexpr std::size_t kMaxName = 60;

std::string results_before_hello(const Packet& packet) {
  return fmt::format(
      "test results came before any answer to Hello (first: \"{}\"): the command seems to know "
      "nothing of this protocol and simply runs its tests; `subunit-proxy wrap` is for such a "
      "suite",
      subunit::escaped(*packet.test_id));
}

std::string name_of(const std::vector<std::string>& command) {
  std::string words;
  for (const std::string& word : command) words += (words.empty() ? "" : " ") + word;
  return subunit::escaped(words, kMaxName);
}

}  // namespace

Remote::Remote(uv_loop_t& loop, const RunOptions& options, const std::vector<std::string>& command,
               Owner& owner, const Log& log)
    : loop_(loop),
      options_(options),
      command_(command),
      name_(name_of(command)),
      owner_(owner),
      log_(log),
      channel_(loop, options.line,
               {.packet = [this](const Packet& packet) { receive(packet); },
                .noise = [this](Bytes bytes) { receive_noise(bytes); },
                .batch =
                    [this] {
                      // A packet may take minutes on its way over a serial line.
                      link_.heard(now(loop_));
                      owner_.batch();
                    },
                .ended = [this] { channel_ended(); }},
               log),
      deadline_(loop, [this] { deadline_passed(); }),
      greeting_timer_(loop, [this] { greeting_overdue(); }) {}

Result<> Remote::start() {
  if (auto started = channel_.start(command_); !started) {
    problem_ = started.error().text;
    phase_ = Phase::kOver;
    return started;
  }
  if (options_.direct) {
    enter(Phase::kUp);
    greet(workers_.emplace_back(*this, "", owner_.new_number("")));
  } else {
    enter(Phase::kReady, options_.ready_timeout);
  }
  return {};
}

void Remote::enter(Phase phase, std::optional<subunit::Time> deadline) {
  phase_ = phase;
  deadline ? deadline_.start(*deadline) : deadline_.stop();
}

void Remote::deadline_passed() {
  switch (phase_) {
    case Phase::kReady:
      return give_up(fmt::format("waited {} (--ready-timeout) {}; {}",
                                 in_seconds(options_.ready_timeout), channel_.awaited(),
                                 early_noise_.text()));
    case Phase::kAttach:
      return give_up(fmt::format(
          "{} is ready, but no test server has connected to it within {} (--attach-timeout): does "
          "its command start one?",
          proxy_, in_seconds(options_.attach_timeout)));
    case Phase::kLeaving:
      if (problem_.empty()) problem_ = "the channel did not end after Goodbye";
      return channel_.hang_up(kHangUpGrace);
    default:
      return;
  }
}

// Servers.

void Remote::greet(Worker& worker) {
  worker.session = subunit::rpc::ClientSession();
  worker.state = Worker::State::kGreeting;
  worker.since = precise_now();
  worker.session.hello();
  send_pending(worker);
  if (!greeting_timer_.running()) greeting_timer_.start(options_.hello_timeout);
}

void Remote::greeting_overdue() {
  for (Worker& worker : workers_) {
    if (worker.state != Worker::State::kGreeting || leaving()) continue;
    const auto due = worker.since + options_.hello_timeout;
    if (due > now(loop_)) {
      if (!greeting_timer_.running()) greeting_timer_.start(due - now(loop_));
      continue;
    }
    const std::string why = fmt::format(
        "the test server{} is connected, but has not answered Hello within {} "
        "(--hello-timeout): it may be stuck, or know nothing of this protocol",
        worker.address.empty() ? "" : " at " + worker.address, in_seconds(options_.hello_timeout));
    if (!routed_) return give_up(why);
    // What has never worked, or has failed again and again, is not worth another try.
    if (can_respawn(worker) && worker.has_opened && ++worker.deaths < Worker::kMostDeaths) {
      respawn(worker, why);
    } else {
      cannot_respawn_.insert(&worker);
      end(worker, why);
    }
  }
}

/// It has broken the protocol, and nothing more is heard of it. Others may do better.
void Remote::break_off(Worker& worker, const std::string& why) {
  if (!routed_) return give_up(why);
  cannot_respawn_.insert(&worker);
  end(worker, why);
}

/// It is gone, whatever it was doing.
void Remote::end(Worker& worker, const std::string& why) {
  if (worker.state == Worker::State::kLost) return;
  const auto respawn = respawns_.find(&worker);
  const bool was_awaited = respawn != respawns_.end() && !respawn->second.is_gone;
  if (was_awaited)
    respawn->second.is_gone = true;
  else
    respawns_.erase(&worker);
  worker.state = was_awaited           ? Worker::State::kStarting
                 : can_respawn(worker) ? Worker::State::kGone
                                       : Worker::State::kLost;
  owner_.gone(worker, why);
}

bool Remote::can_respawn(const Worker& worker) const {
  return watches_ && !leaving() && !cannot_respawn_.contains(&worker);
}

void Remote::respawn(Worker& worker, const std::string& reason) {
  const bool is_gone = worker.state == Worker::State::kGone;
  if (is_gone) worker.state = Worker::State::kStarting;
  if (!respawns_.emplace(&worker, Respawn{is_gone, reason}).second) return;
  const std::size_t slash = worker.route.rfind('/');
  const bool nested = slash != std::string::npos;
  const std::string to = nested ? worker.route.substr(0, slash) : "";
  const std::string which = nested ? worker.route.substr(slash + 1) : worker.route;
  announce(to, subunit::rpc::Respawn{which.empty() ? std::nullopt : std::optional(which),
                                     reason.substr(0, kMaxReason)});
}

bool Remote::hopeful() const {
  if (leaving()) return false;
  if (phase_ == Phase::kReady || phase_ == Phase::kAttach || to_come_ > 0) return true;
  return std::ranges::any_of(workers_, [this](const Worker& worker) {
    return worker.is_there() || (worker.state == Worker::State::kGone && can_respawn(worker));
  });
}

// What comes over the channel.

void Remote::receive(const Packet& packet) {
  link_.heard(now(loop_));
  if (leaving() && !problem_.empty()) return;
  if (subunit::rpc::carries_message(packet, subunit::rpc::kProxyTestId))
    return receive_announcement(packet);
  const Origin origin = origin_of(packet);
  if (origin.worker) return receive_from(*origin.worker, packet, origin.route);
  if (packet.test_id && packet.status != Status::kNone && phase_ < Phase::kUp) {
    return give_up(results_before_hello(packet));
  }
  owner_.result(nullptr, packet, routed_ ? std::nullopt : origin.route);
}

void Remote::receive_from(Worker& worker, const Packet& packet,
                          std::optional<std::string_view> route) {
  using Session = subunit::rpc::ClientSession;
  if (worker.state == Worker::State::kLost) return;
  if (worker.state == Worker::State::kGreeting && packet.test_id &&
      packet.status != Status::kNone) {
    return break_off(worker, results_before_hello(packet));
  }
  const auto event = worker.session.receive(packet);
  if (!event) return break_off(worker, event.error().text);
  if (std::holds_alternative<Session::NotMessage>(*event))
    return owner_.result(&worker, packet, route);
  if (std::holds_alternative<Session::Opened>(*event) && !leaving()) {
    worker.state = Worker::State::kOpen;
    return owner_.opened(worker);
  }
  if (const auto* answered = std::get_if<Session::Answered>(&*event))
    return owner_.answered(worker, answered->nonce);
  if (const auto* failed = std::get_if<Session::Failed>(&*event))
    return owner_.failed(worker, failed->nonce, subunit::escaped(failed->text, kMaxShown));
  if (std::holds_alternative<Session::Ponged>(*event)) owner_.ponged(worker);
}

Worker* Remote::find(std::string_view route) {
  if (last_ && last_->route == route) return last_;
  const auto found = std::ranges::find(workers_, route, &Worker::route);
  if (found == workers_.end()) return nullptr;
  return last_ = &*found;
}

/// The server whose route code is the longest that the packet's begins with.
Remote::Origin Remote::origin_of(const Packet& packet) {
  std::string_view code = packet.route_code.value_or("");
  std::optional<std::string_view> rest = packet.route_code;
  if (!routed_) return {find(""), rest};
  rest.reset();
  for (;;) {
    if (Worker* worker = find(code)) return {worker, rest};
    const std::size_t slash = code.rfind('/');
    if (slash == std::string_view::npos) return {nullptr, packet.route_code};
    rest = packet.route_code->substr(slash + 1);
    code = code.substr(0, slash);
  }
}

void Remote::receive_noise(Bytes bytes) {
  link_.heard(now(loop_));
  if (phase_ == Phase::kReady) return early_noise_.add(bytes);
  subunit::Buffer packets;
  noise_.add(bytes, packets);
  owner_.own_packets(packets);
}

// What we say.

void Remote::send_pending(Worker& worker) {
  const Bytes bytes = worker.session.pending_output();
  if (worker.state != Worker::State::kGreeting || !gets_hello_from_proxy(worker))
    send_routed(worker.route, bytes);
  worker.session.consume_output(bytes.size());
}

/// A proxy keeps a Hello without route code, and gives it to each server that comes later.
bool Remote::gets_hello_from_proxy(const Worker& worker) {
  const std::size_t slash = worker.route.rfind('/');
  const std::string proxy = slash == std::string::npos ? "" : worker.route.substr(0, slash);
  if (!proxy.empty() || worker.route.empty()) return !greeted_proxies_.insert(proxy).second;
  return false;
}

void Remote::send_routed(std::string_view route, Bytes packets) {
  if (packets.empty()) return;
  link_.said(now(loop_));
  if (route.empty()) return channel_.send(packets);
  subunit::Buffer routed;
  subunit::Decoder decoder(packets.size());
  decoder.receive(packets, subunit::Time(0));
  while (const auto event = decoder.next_event()) {
    if (const auto added = add_route(std::get<Packet>(*event), route, routed); !added)
      log_.error("{}", added.error().text);
  }
  channel_.send(routed);
}

void Remote::announce(const std::string& to, const subunit::rpc::Announcement& announcement) {
  subunit::Buffer packet;
  const auto encoded = subunit::rpc::encode_attachment(subunit::rpc::kProxyTestId,
                                                       to_json(announcement), std::nullopt, packet);
  if (!encoded) log_.error("{}", encoded.error().text);
  send_routed(to, packet);
}

void Remote::watch(const std::string& proxy) {
  announce(proxy, subunit::rpc::Watch{LinkWatch::kAliveInterval, LinkWatch::kLease});
}

void Remote::set_flow(bool on) {
  if (over()) return;
  link_.set_flow(on, now(loop_));
  channel_.set_flow(on);
  // The end cannot come while we do not read.
  if (!on && phase_ == Phase::kLeaving && deadline_.running()) deadline_.start(kHangUpGrace);
}

void Remote::pulse() {
  if (!watches_ || leaving()) return;
  if (link_.keepalive_due(now(loop_))) watch("");
  switch (link_.look(now(loop_))) {
    case LinkWatch::State::kFine:
      return;
    case LinkWatch::State::kDoubtful:
      return log_.warning("nothing has come over the channel \"{}\" for {}: the link may be lost",
                          name_, in_seconds(LinkWatch::kDoubt));
    case LinkWatch::State::kLost:
      return give_up(fmt::format(
          "the link is lost: nothing has come from the proxy for {}, though it should say each "
          "second that it is alive",
          in_seconds(LinkWatch::kPatience)));
  }
}

// The end.

void Remote::leave(subunit::Time patience) {
  if (leaving()) return;
  if (phase_ == Phase::kReady) {
    log_.warning("the channel \"{}\" was not up when the run ended; {}", name_,
                 early_noise_.text());
    lost_ = true;
    enter(Phase::kLeaving);
    return channel_.hang_up(kHangUpGrace);
  }
  subunit::Buffer goodbye;
  const auto json = to_json(subunit::rpc::Message(subunit::rpc::Goodbye{}));
  const auto encoded =
      subunit::rpc::encode_attachment(subunit::rpc::kRpcTestId, *json, std::nullopt, goodbye);
  if (!encoded) log_.error("{}", encoded.error().text);
  channel_.send(goodbye);
  for (Worker& worker : workers_) {
    using State = subunit::rpc::ClientSession::State;
    const State state = worker.session.state();
    if (state != State::kOpen && state != State::kHelloSent) continue;
    worker.session.goodbye();
    worker.session.consume_output(worker.session.pending_output().size());
  }
  channel_.finish();
  enter(Phase::kLeaving, patience);
}

void Remote::give_up(std::string problem) {
  if (phase_ == Phase::kOver) return;
  if (problem_.empty()) problem_ = std::move(problem);
  const bool news = !leaving();
  enter(Phase::kLeaving);
  channel_.hang_up(kHangUpGrace);
  if (!news) return;
  lose();
}

void Remote::lose() {
  lost_ = true;
  for (Worker& worker : workers_) end(worker, problem_);
  owner_.lost(*this);
}

void Remote::channel_ended() {
  if (phase_ == Phase::kOver) return;
  const bool early = !leaving();
  if (problem_.empty()) {
    const std::string end = channel_.end_text();
    if (phase_ == Phase::kReady) {
      problem_ = fmt::format("the channel ended before the proxy said Ready: {}; {}", end,
                             early_noise_.text());
    } else {
      for (Worker& worker : workers_) {
        // The end of one that was gone before is no news; it may never have been there.
        if (worker.state != Worker::State::kGreeting && worker.state != Worker::State::kOpen)
          continue;
        const auto ended = worker.session.receive_eof();
        if (!ended && problem_.empty())
          problem_ = fmt::format("{} (the channel ended: {})", ended.error().text, end);
      }
      if (early && problem_.empty()) problem_ = fmt::format("the channel ended: {}", end);
    }
  }
  enter(Phase::kOver);
  subunit::Buffer packets;
  noise_.flush(packets);
  owner_.own_packets(packets);
  if (early) lose();
  owner_.over(*this);
}

/// What the end of the server came too early for.
std::string Remote::until_when(const Worker& worker) const {
  if (worker.condemned) return "";  // it was to end now
  if (worker.state == Worker::State::kGreeting) return " before it answered Hello";
  return worker.state == Worker::State::kOpen && worker.asked() ? " before Done" : "";
}

}  // namespace proxy
