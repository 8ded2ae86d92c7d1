#include "common/run/remote/remote_servers.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "common/base/text.h"

namespace subunit::run {

namespace {

constexpr std::size_t kMaxShown = 1000;  // of what the other side says
constexpr std::size_t kMaxReason = 200;  // of why a server is to be replaced: a line

std::string results_before_hello(const Packet& packet) {
  return fmt::format(
      "test results came before any answer to Hello (first: \"{}\"): the command seems not to know "
      "the protocol and simply runs its tests; use `subunit-proxy wrap`, or `serve "
      "--test-command`, for such a suite",
      escaped(*packet.test_id));
}

std::string too_many() {
  return fmt::format("the proxy names more than {} test servers", RouteTable::kMaxWorkers);
}

bool is_result(const Packet& packet) {
  return packet.test_id && packet.status != Status::kNone;
}

/// What the end of the server came too early for.
std::string until_when(const Worker& worker) {
  if (worker.state() == Worker::State::kGreeting) return " before it answered Hello";
  return worker.is_open() && worker.work.asked() ? " before Done" : "";
}

}  // namespace

// What comes.

/// Of the first server that is heard of, the route code tells whether there can be more.
void RemoteServers::first(const std::string& route) {
  awaits_inner_ = false;
  if (!std::exchange(any_known_, true)) table_.set_routed(!route.empty());
}

void RemoteServers::add_direct() {
  first("");
  greet(table_.add(""));
}

void RemoteServers::expect(int servers, const std::string& from) {
  to_come_[from] = servers;
  if (from.empty()) return;
  awaits_inner_ = true;
  greeted_proxies_.insert(from);
  Worker* const taken = table_.find(from);
  if (!taken) return;
  if (taken->work.id) end(*taken, "it is a proxy", false);
  table_.remove(*taken);
}

void RemoteServers::attached(const rpc::Attached& attached, const std::string& from) {
  if (uplink_.leaving()) return;
  const std::string route = RouteTable::join(from, attached.route.value_or(""));
  first(route);
  Worker* worker = table_.find(route);
  if (worker && worker->has_answered())
    return uplink_.tell(
        Incident::Kind::kTrouble,
        fmt::format("a second test server has connected to the proxy as \"{}\"", escaped(route)));
  if (!worker) {
    if (table_.is_full()) return uplink_.give_up(too_many());
    worker = &table_.add(route);
    --to_come_[from];
  }
  worker->address = escaped(attached.address);
  worker->pid = attached.pid;
  greet(*worker);
}

/// Proxies at `route` and behind it are gone, and what was to come from them. False: there was
/// none.
bool RemoteServers::forget_proxies(const std::string& route) {
  return std::erase_if(to_come_, [&route](const auto& each) {
           return !each.first.empty() && RouteTable::leads_to(each.first, route);
         }) > 0;
}

void RemoteServers::detached(const rpc::Detached& detached, const std::string& from) {
  const std::string route = RouteTable::join(from, detached.route.value_or(""));
  const std::string reason = escaped(detached.reason, kMaxShown);
  if (uplink_.leaving() && detached.reason != rpc::kGoodbyeReason &&
      !owner_.forgives(table_.find(route), reason))
    uplink_.add_problem(reason);
  const bool was_proxy = forget_proxies(route);
  bool found = false;
  for (Worker& worker : workers()) {
    if (!RouteTable::leads_to(worker.route, route)) continue;
    found = true;
    const bool expected = worker.state() == Worker::State::kRecycling;
    // The proxy that could start it again is gone.
    if (worker.route != route) worker.can_restart = false;
    end(worker, reason + until_when(worker), expected);
  }
  if (found || uplink_.leaving()) return;
  if (was_proxy) return uplink_.add_problem(reason);
  // One that never connected. It may be the first we hear of this place.
  if (table_.is_full()) return uplink_.give_up(too_many());
  first(route);
  --to_come_[from];
  end(table_.add(route), reason, false);
}

void RemoteServers::refused(const rpc::Refused& refused, const std::string& from) {
  const std::string text = escaped(refused.text, kMaxShown);
  Worker* const worker =
      refused.respawn ? table_.find(RouteTable::join(from, *refused.respawn)) : nullptr;
  const bool was_asked = worker && (worker->ends() || worker->state() == Worker::State::kStarting);
  if (!was_asked) {
    // A message that crossed the end of its server: Detached tells the rest.
    return uplink_.tell(Incident::Kind::kNote,
                        fmt::format("the proxy refused what was sent: {}", text));
  }
  worker->can_restart = false;
  worker->refusal =
      fmt::format("{}; the test server cannot be started again: {}", worker->restart_reason, text);
  // Nothing was said to it yet.
  const bool is_there = worker->session.state() == rpc::ClientSession::State::kOpen;
  if (is_there && worker->go(Worker::Step::kKeep)) return owner_.kept(*worker);
  end(*worker, worker->refusal, false);
}

void RemoteServers::alive(const rpc::Alive& alive, const std::string& from) {
  for (const auto& told : alive.servers) {
    Worker* worker = table_.find(RouteTable::join(from, told.route.value_or("")));
    if (!worker || !told.cpu) continue;
    const std::optional<Worker::Load>& before = worker->signs.load;
    Worker::Load load{uplink_.now(), *told.cpu};
    if (before && load.at > before->at && load.cpu >= before->cpu) {
      load.share = std::chrono::duration<double>(load.cpu - before->cpu) /
                   std::chrono::duration<double>(load.at - before->at);
    }
    worker->signs.load = load;
  }
}

void RemoteServers::receive(const Packet& packet) {
  const RouteTable::Origin origin = table_.origin_of(packet);
  if (origin.worker) {
    receive_from(*origin.worker, packet, origin.route);
  } else if (is_result(packet) && !any_known_) {
    uplink_.give_up(results_before_hello(packet));
  } else {
    owner_.result(nullptr, packet, routed() ? std::nullopt : origin.route);
  }
}

void RemoteServers::receive_from(Worker& worker, const Packet& packet,
                                 std::optional<std::string_view> route) {
  using Session = rpc::ClientSession;
  if (worker.state() == Worker::State::kLost) return;
  if (worker.state() == Worker::State::kGreeting && is_result(packet))
    return break_off(worker, results_before_hello(packet));
  const auto event = worker.session.receive(packet);
  if (!event) return break_off(worker, event.error().text);
  if (std::holds_alternative<Session::NotMessage>(*event))
    return owner_.result(&worker, packet, route);
  if (const auto* opened = std::get_if<Session::Opened>(&*event)) {
    worker.batch = opened->batch;
    if (!uplink_.leaving() && worker.go(Worker::Step::kAnswer)) owner_.opened(worker);
  } else if (const auto* answered = std::get_if<Session::Answered>(&*event)) {
    owner_.answered(worker, answered->nonce);
  } else if (const auto* failed = std::get_if<Session::Failed>(&*event)) {
    owner_.failed(worker, failed->nonce, escaped(failed->text, kMaxShown));
  } else if (std::holds_alternative<Session::Ponged>(*event)) {
    worker.signs.ping = Worker::Ping::kAnswered;
  }
}

// Servers.

void RemoteServers::greet(Worker& worker) {
  // Who says so again does not get more time.
  if (worker.state() == Worker::State::kGreeting) return;
  if (!worker.go(Worker::Step::kAttach)) return;
  worker.session = rpc::ClientSession(
      rpc::kSupportedVersions, worker.route.empty() ? std::nullopt : std::optional(worker.route));
  worker.signs.since = uplink_.now();
  worker.session.hello();
  // A proxy keeps a Hello without route code, and gives it to each server that comes later.
  const std::string_view proxy = RouteTable::split(worker.route).proxy;
  const bool one_for_all = !proxy.empty() || worker.route.empty();
  if (one_for_all && !greeted_proxies_.emplace(proxy).second)
    return worker.session.consume_output(worker.session.pending_output().size());
  send_pending(worker);
}

/// It has broken the protocol, and nothing more is heard of it. Others may do better.
void RemoteServers::break_off(Worker& worker, const std::string& why) {
  if (!routed()) return uplink_.give_up(why);
  worker.can_restart = false;
  end(worker, why, false);
}

/// It is gone, whatever it was doing.
void RemoteServers::end(Worker& worker, const std::string& why, bool expected) {
  if (worker.state() == Worker::State::kLost) return;
  // Starting again what has never worked is no use.
  const bool comes_back = can_restart(worker) && (worker.ends() || worker.record.has_answered);
  worker.go(comes_back ? Worker::Step::kEnd : Worker::Step::kLose);
  if (worker.state() == Worker::State::kStarting) worker.signs.since = uplink_.now();
  owner_.gone(worker, why, expected);
}

bool RemoteServers::expects_more() const {
  return std::ranges::any_of(to_come_, [](const auto& each) { return each.second > 0; });
}

void RemoteServers::check_greetings() {
  for (Worker& worker : workers()) {
    if (worker.state() == Worker::State::kStarting && uplink_.now() >= back_by(worker)) {
      worker.can_restart = false;
      end(worker, "the proxy was asked to start the test server again, and it has not connected",
          false);
    }
    if (worker.state() != Worker::State::kGreeting || uplink_.leaving()) continue;
    if (uplink_.now() < worker.signs.since + options_.hello_timeout) continue;
    const std::string why = fmt::format(
        "the test server{} is connected, but has not answered Hello within {} "
        "(--hello-timeout): it may be stuck, or may not know the protocol",
        worker.address.empty() ? "" : " at " + worker.address, in_seconds(options_.hello_timeout));
    if (!routed()) return uplink_.give_up(why);
    // What has never worked, or has failed again and again, is not worth another try.
    if (can_restart(worker) && worker.record.has_answered &&
        ++worker.record.deaths < Worker::kMaxDeaths) {
      restart(worker, Worker::Step::kRecycle, why);
    } else {
      worker.can_restart = false;
      end(worker, why, false);
    }
  }
}

std::optional<Time> RemoteServers::next_deadline() const {
  std::optional<Time> next;
  for (const Worker& worker : table_.workers()) {
    if (worker.state() == Worker::State::kGreeting)
      next = earlier(next, worker.signs.since + options_.hello_timeout);
    if (worker.state() == Worker::State::kStarting) next = earlier(next, back_by(worker));
  }
  return next;
}

void RemoteServers::restart(Worker& worker, Worker::Step step, const std::string& reason) {
  if (!worker.go(step)) return;
  worker.restart_reason = reason;
  if (step == Worker::Step::kRestart) worker.signs.since = uplink_.now();
  send_pending(worker);
  const auto [proxy, name] = RouteTable::split(worker.route);
  uplink_.announce(proxy,
                   rpc::Respawn{name.empty() ? std::nullopt : std::optional(std::string(name)),
                                reason.substr(0, kMaxReason)});
}

void RemoteServers::abandon(Worker& worker, const std::string& why) {
  worker.go(Worker::Step::kLose);
  owner_.gone(worker, why, false);
  worker.timeout.reset();
  if (!can_progress()) uplink_.give_up(why);
}

void RemoteServers::cancel() {
  for (Worker& worker : workers())
    for (const Worker::Batch& batch : worker.work.batches) cancel(worker, batch.nonce);
}

void RemoteServers::cancel(Worker& worker, const std::string& nonce) {
  if (worker.has_answered() && worker.session.version() >= 2) worker.session.cancel(nonce);
}

bool RemoteServers::answer() const {
  return std::ranges::any_of(table_.workers(), &Worker::has_answered);
}

bool RemoteServers::has_answered() const {
  return std::ranges::any_of(table_.workers(),
                             [](const Worker& worker) { return worker.record.has_answered; });
}

bool RemoteServers::awaits_first() const {
  return !any_known_ ||
         (awaits_inner_ && std::ranges::none_of(table_.workers(), &Worker::can_progress));
}

bool RemoteServers::can_progress() const {
  if (uplink_.leaving()) return false;
  if (!any_known_) return true;
  if (expects_more()) return true;
  return std::ranges::any_of(table_.workers(),
                             [this](const Worker& worker) { return can_progress(worker); });
}

void RemoteServers::send_pending() {
  for (Worker& worker : workers()) send_pending(worker);
}

void RemoteServers::send_pending(Worker& worker) {
  const Bytes bytes = worker.session.pending_output();
  if (bytes.empty()) return;
  uplink_.send(bytes);
  worker.session.consume_output(bytes.size());
}

// The end.

void RemoteServers::said_goodbye() {
  for (Worker& worker : workers()) {
    using State = rpc::ClientSession::State;
    const State state = worker.session.state();
    if (state != State::kOpen && state != State::kHelloSent) continue;
    worker.session.goodbye();
    worker.session.consume_output(worker.session.pending_output().size());
  }
}

std::optional<std::string> RemoteServers::receive_eof() {
  for (Worker& worker : workers()) {
    // The end of one that was gone before is no news; it may never have been there.
    if (worker.state() != Worker::State::kGreeting && !worker.has_answered()) continue;
    if (const auto ended = worker.session.receive_eof(); !ended) return ended.error().text;
  }
  return std::nullopt;
}

void RemoteServers::lose_all(const std::string& why) {
  lost_ = true;
  for (Worker& worker : workers()) end(worker, why, worker.state() == Worker::State::kRecycling);
}

}  // namespace subunit::run
