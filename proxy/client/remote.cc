#include "proxy/client/remote.h"

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
constexpr std::size_t kMaxEarlyNoise =
    1 << 20;  // a banner is a page; a wrong command may print for ever
constexpr std::size_t kMaxShownNoise = 4096;
constexpr std::size_t kMaxName = 60;

// A proxy says Alive this often: enough to see within seconds what a server does.
constexpr auto kAliveInterval = seconds(1);
// It ends itself when it has heard nothing from us for this long. A laptop that sleeps over lunch
// costs the run; a build machine that swaps does not.
constexpr auto kLease = seconds(120);
constexpr auto kKeepalive = seconds(20);
// A link over which not even Alive comes is dead. As long as ssh takes with ServerAliveInterval 15.
constexpr auto kLinkPatience = seconds(45);
constexpr auto kLinkDoubt = seconds(10);  // then somebody who watches is told

std::string join(std::string_view from, std::string_view route) {
  if (from.empty()) return std::string(route);
  return route.empty() ? std::string(from) : fmt::format("{}/{}", from, route);
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
      channel_(loop, {.packet = [this](const Packet& packet) { receive(packet); },
                      .noise = [this](Bytes bytes) { receive_noise(bytes); },
                      .batch = [this] { owner_.batch(); },
                      .ended = [this] { channel_ended(); }}),
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
    greet(workers_.emplace_back(*this, "", owner_.next_number()));
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
      return give_up(fmt::format("waited {} (--ready-timeout) for the proxy to say Ready; {}",
                                 in_seconds(options_.ready_timeout), describe_early_noise()));
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
  worker.session = subunit::ClientSession();
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
    if (can_respawn(worker)) {
      respawn(worker, why);
    } else {
      cannot_respawn_.insert(&worker);
      end(worker, why);
    }
  }
}

/// It is gone, whatever it was doing.
void Remote::end(Worker& worker, const std::string& why) {
  if (worker.state == Worker::State::kLost) return;
  const auto respawn = respawns_.find(&worker);
  const bool was_awaited = respawn != respawns_.end() && !respawn->second;
  if (was_awaited)
    respawn->second = true;
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
  if (!respawns_.emplace(&worker, is_gone).second) return;
  const std::size_t slash = worker.route.rfind('/');
  const bool nested = slash != std::string::npos;
  const std::string to = nested ? worker.route.substr(0, slash) : "";
  const std::string which = nested ? worker.route.substr(slash + 1) : worker.route;
  announce(to, subunit::Respawn{which.empty() ? std::nullopt : std::optional(which),
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
  last_heard_ = now(loop_);
  if (leaving() && !problem_.empty()) return;
  if (subunit::carries_message(packet, subunit::kProxyTestId)) return receive_announcement(packet);
  const Origin origin = origin_of(packet);
  if (origin.worker) return receive_from(*origin.worker, packet, origin.route);
  if (packet.test_id && packet.status != Status::kNone && phase_ < Phase::kUp) {
    return give_up(fmt::format(
        "test results came before any answer to Hello (first: \"{}\"): the command seems to know "
        "nothing of this protocol and simply runs its tests; `subunit-proxy wrap` is for such a "
        "suite",
        subunit::escaped(*packet.test_id)));
  }
  owner_.result(nullptr, packet, routed_ ? std::nullopt : origin.route);
}

void Remote::receive_from(Worker& worker, const Packet& packet,
                          std::optional<std::string_view> route) {
  using Session = subunit::ClientSession;
  if (worker.state == Worker::State::kLost) return;
  if (worker.state == Worker::State::kGreeting && packet.test_id &&
      packet.status != Status::kNone) {
    return give_up(fmt::format(
        "test results came before any answer to Hello (first: \"{}\"): the command seems to know "
        "nothing of this protocol and simply runs its tests; `subunit-proxy wrap` is for such a "
        "suite",
        subunit::escaped(*packet.test_id)));
  }
  const auto event = worker.session.receive(packet);
  if (!event) return give_up(event.error().text);
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

void Remote::receive_announcement(const Packet& packet) {
  if (options_.direct) return;
  const auto json = announcements_.add(packet);
  if (!json) return give_up(json.error().text);
  if (!*json) return;
  const std::string from(packet.route_code.value_or(""));
  const auto said = subunit::parse_announcement(**json);
  if (!said) {
    // A newer proxy may have more to say.
    log_.info("left out a message of the proxy: {}", said.error().text);
  } else if (const auto* ready = std::get_if<subunit::Ready>(&*said)) {
    this->ready(*ready, from);
  } else if (phase_ == Phase::kReady) {
    log_.info("left out a message of the proxy before its Ready: {}", subunit::escaped(**json));
  } else if (const auto* attached = std::get_if<subunit::Attached>(&*said)) {
    this->attached(*attached, from);
  } else if (const auto* detached = std::get_if<subunit::Detached>(&*said)) {
    this->detached(*detached, from);
  } else if (const auto* refused = std::get_if<subunit::Refused>(&*said)) {
    this->refused(*refused, from);
  } else if (const auto* alive = std::get_if<subunit::Alive>(&*said)) {
    this->alive(*alive, from);
  }
}

void Remote::ready(const subunit::Ready& ready, const std::string& from) {
  const bool knows_watch = ready.versions.max >= 2;
  if (!from.empty()) {
    // What we took for a test server is a proxy, which has passed our Hello on to all of its own.
    greeted_proxies_.insert(from);
    std::erase_if(workers_, [&from](const Worker& worker) { return worker.route == from; });
    last_ = nullptr;
  } else if (phase_ != Phase::kReady) {
    return log_.warning("the proxy said Ready twice");
  } else {
    proxy_ = subunit::escaped(ready.proxy);
    watches_ = knows_watch;
    to_come_ = ready.expected.value_or(0);
    pass_on_early_noise();
    channel_.expect_packets();
    enter(Phase::kAttach, options_.attach_timeout);
  }
  if (knows_watch) announce(from, subunit::Watch{kAliveInterval, kLease});
}

void Remote::attached(const subunit::Attached& attached, const std::string& from) {
  if (leaving()) return;
  const std::string route = join(from, attached.route.value_or(""));
  if (phase_ == Phase::kAttach) {
    routed_ = !route.empty();
    enter(Phase::kUp);
  }
  Worker* worker = find(route);
  if (worker && worker->state == Worker::State::kOpen)
    return log_.warning("a second test server has connected to the proxy as \"{}\"", route);
  if (!worker) {
    worker = &workers_.emplace_back(*this, route, owner_.next_number());
    if (from.empty()) --to_come_;
  }
  respawns_.erase(worker);
  worker->address = subunit::escaped(attached.address);
  greet(*worker);
}

void Remote::detached(const subunit::Detached& detached, const std::string& from) {
  const std::string route = join(from, detached.route.value_or(""));
  const std::string reason = subunit::escaped(detached.reason, kMaxShown);
  if (leaving() && detached.reason != subunit::kGoodbyeReason && problem_.empty())
    problem_ = reason;
  const auto behind = [&route](const Worker& worker) {
    return worker.route == route || worker.route.starts_with(route + "/");
  };
  bool found = false;
  for (Worker& worker : workers_) {
    if (!behind(worker)) continue;
    found = true;
    if (worker.route != route) {
      // The proxy that could start it again is gone.
      cannot_respawn_.insert(&worker);
      respawns_.erase(&worker);
    }
    end(worker, reason + until_when(worker));
  }
  if (found || leaving()) return;
  // One that never connected. It may be the first we hear of this place.
  if (phase_ == Phase::kAttach) {
    routed_ = !route.empty();
    enter(Phase::kUp);
  }
  if (from.empty()) --to_come_;
  end(workers_.emplace_back(*this, route, owner_.next_number()), reason);
}

void Remote::refused(const subunit::Refused& refused, const std::string& from) {
  const std::string text = subunit::escaped(refused.text, kMaxShown);
  Worker* const worker = refused.respawn ? find(join(from, *refused.respawn)) : nullptr;
  if (!worker || respawns_.erase(worker) == 0) {
    // A message that crossed the end of its server: Detached tells the rest.
    return log_.info("the proxy refused what was sent: {}", text);
  }
  cannot_respawn_.insert(worker);
  end(*worker, fmt::format("the test server cannot be started again: {}", text));
}

void Remote::alive(const subunit::Alive& alive, const std::string& from) {
  for (const auto& told : alive.servers) {
    Worker* worker = find(join(from, told.route.value_or("")));
    if (!worker || !told.cpu) continue;
    Worker::Load load{now(loop_), *told.cpu};
    if (worker->load && load.at > worker->load->at && load.cpu >= worker->load->cpu) {
      load.share = std::chrono::duration<double>(load.cpu - worker->load->cpu) /
                   std::chrono::duration<double>(load.at - worker->load->at);
    }
    worker->load = load;
  }
}

void Remote::receive_noise(Bytes bytes) {
  last_heard_ = now(loop_);
  if (phase_ == Phase::kReady) {
    early_noise_size_ += bytes.size();
    subunit::append(early_noise_,
                    bytes.first(std::min(bytes.size(), kMaxEarlyNoise - early_noise_.size())));
    return;
  }
  subunit::Buffer packets;
  noise_.add(bytes, packets);
  owner_.own_packets(packets);
}

/// Once the proxy is there, what came before it is noise like any other.
void Remote::pass_on_early_noise() {
  if (early_noise_size_ > early_noise_.size()) {
    log_.warning("the channel printed {} bytes before the proxy said Ready; the first {} are kept",
                 early_noise_size_, early_noise_.size());
  } else if (!early_noise_.empty() && early_noise_.back() == '\n') {
    early_noise_.pop_back();  // Ready begins with it
  }
  subunit::Buffer packets;
  noise_.add(early_noise_, packets);
  owner_.own_packets(packets);
  early_noise_ = {};
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
  last_said_ = now(loop_);
  if (route.empty() || packets.empty()) return channel_.send(packets);
  subunit::Buffer routed;
  subunit::Decoder decoder(packets.size());
  decoder.receive(packets, subunit::Time(0));
  while (const auto event = decoder.next_event()) {
    if (const auto added = add_route(std::get<Packet>(*event), route, routed); !added)
      log_.error("{}", added.error().text);
  }
  channel_.send(routed);
}

void Remote::announce(const std::string& to, const subunit::Announcement& announcement) {
  subunit::Buffer packet;
  const auto encoded = subunit::encode_attachment(subunit::kProxyTestId, to_json(announcement),
                                                  std::nullopt, packet);
  if (!encoded) log_.error("{}", encoded.error().text);
  send_routed(to, packet);
}

void Remote::set_flow(bool on) {
  if (on && !flow_) last_heard_ = now(loop_);  // silence was ours
  flow_ = on;
  channel_.set_flow(on);
  // The end cannot come while we do not read.
  if (!on && phase_ == Phase::kLeaving && deadline_.running()) deadline_.start(kHangUpGrace);
}

void Remote::pulse() {
  if (!watches_ || leaving()) return;
  const auto silence = now(loop_) - last_heard_;
  if (now(loop_) - last_said_ >= kKeepalive) announce("", subunit::Watch{kAliveInterval, kLease});
  if (!flow_ || silence < kLinkDoubt) {
    link_told_ = false;
    return;
  }
  if (silence >= kLinkPatience) {
    return give_up(fmt::format(
        "the link is lost: nothing has come from the proxy for {}, though it should say each "
        "second that it is alive",
        in_seconds(kLinkPatience)));
  }
  if (!link_told_) {
    link_told_ = true;
    log_.warning("nothing has come over the channel \"{}\" for {}: the link may be lost", name_,
                 in_seconds(kLinkDoubt));
  }
}

// The end.

void Remote::leave(subunit::Time patience) {
  if (leaving()) return;
  subunit::Buffer goodbye;
  const auto json = to_json(subunit::Message(subunit::Goodbye{}));
  const auto encoded =
      subunit::encode_attachment(subunit::kRpcTestId, *json, std::nullopt, goodbye);
  if (!encoded) log_.error("{}", encoded.error().text);
  channel_.send(goodbye);
  for (Worker& worker : workers_) {
    using State = subunit::ClientSession::State;
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
  for (Worker& worker : workers_) end(worker, problem_);
  owner_.lost(*this);
}

void Remote::channel_ended() {
  if (phase_ == Phase::kOver) return;
  const bool early = !leaving();
  if (problem_.empty()) {
    const std::string end = channel_.ending()->text();
    if (phase_ == Phase::kReady) {
      problem_ = fmt::format("the channel ended before the proxy said Ready: \"{}\" {}; {}",
                             subunit::escaped(command_[0]), end, describe_early_noise());
    } else {
      for (Worker& worker : workers_) {
        // The end of one that was gone before is no news; it may never have been there.
        if (worker.state != Worker::State::kGreeting && worker.state != Worker::State::kOpen)
          continue;
        const auto ended = worker.session.receive_eof();
        if (!ended && problem_.empty())
          problem_ = fmt::format("{} (the channel's command {})", ended.error().text, end);
      }
      if (early && problem_.empty())
        problem_ = fmt::format("the channel ended (its command {})", end);
    }
  }
  enter(Phase::kOver);
  subunit::Buffer packets;
  noise_.flush(packets);
  owner_.own_packets(packets);
  if (early) {
    for (Worker& worker : workers_) end(worker, problem_);
    owner_.lost(*this);
  }
  owner_.over(*this);
}

/// What the end of the server came too early for.
std::string Remote::until_when(const Worker& worker) const {
  if (worker.state == Worker::State::kGreeting) return " before it answered Hello";
  return worker.state == Worker::State::kOpen && worker.asked() ? " before Done" : "";
}

std::string Remote::describe_early_noise() const {
  if (early_noise_.empty())
    return "the channel printed nothing (what it wrote to stderr stands above)";
  return fmt::format("the channel printed: \"{}\"", subunit::escaped(early_noise_, kMaxShownNoise));
}

}  // namespace proxy
