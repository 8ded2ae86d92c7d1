// What the proxy at the other end of a channel says of itself and its servers.

#include <algorithm>

#include "common/base/escape.h"
#include "proxy/run/remote.h"

namespace proxy {

using subunit::Packet;

namespace {

constexpr std::size_t kMaxShown = 1000;  // of what the other side says

std::string join(std::string_view from, std::string_view route) {
  if (from.empty()) return std::string(route);
  return route.empty() ? std::string(from) : fmt::format("{}/{}", from, route);
}

}  // namespace

void Remote::receive_announcement(const Packet& packet) {
  if (options_.direct) return;
  const auto json = announcements_.add(packet);
  if (!json) return give_up(json.error().text);
  if (!*json) return;
  const std::string from(packet.route_code.value_or(""));
  const auto said = subunit::rpc::parse_announcement(**json);
  if (!said) {
    // A newer proxy may have more to say.
    log_.info("left out a message of the proxy: {}", said.error().text);
  } else if (const auto* ready = std::get_if<subunit::rpc::Ready>(&*said)) {
    this->ready(*ready, from);
  } else if (phase_ == Phase::kReady) {
    log_.info("left out a message of the proxy before its Ready: {}", subunit::escaped(**json));
  } else if (const auto* attached = std::get_if<subunit::rpc::Attached>(&*said)) {
    this->attached(*attached, from);
  } else if (const auto* detached = std::get_if<subunit::rpc::Detached>(&*said)) {
    this->detached(*detached, from);
  } else if (const auto* refused = std::get_if<subunit::rpc::Refused>(&*said)) {
    this->refused(*refused, from);
  } else if (const auto* alive = std::get_if<subunit::rpc::Alive>(&*said)) {
    this->alive(*alive, from);
  }
}

void Remote::ready(const subunit::rpc::Ready& ready, const std::string& from) {
  const bool knows_watch = ready.versions.max >= 2;
  if (!from.empty()) {
    // What we took for a test server is a proxy, which has passed our Hello on to all of its own.
    greeted_proxies_.insert(from);
    if (Worker* const taken = find(from)) forget(*taken);
    last_ = nullptr;
  } else if (phase_ != Phase::kReady) {
    return log_.warning("the proxy said Ready twice");
  } else {
    proxy_ = subunit::escaped(ready.proxy);
    watches_ = knows_watch;
    to_come_ = ready.expected.value_or(0);
    // What came before is noise like any other.
    subunit::Buffer packets;
    noise_.add(early_noise_.take(log_), packets);
    owner_.own_packets(packets);
    channel_.expect_packets();
    enter(Phase::kAttach, options_.attach_timeout);
  }
  if (knows_watch) watch(from);
}

void Remote::forget(Worker& worker) {
  if (worker.dispatched) end(worker, "it is a proxy");
  respawns_.erase(&worker);
  cannot_respawn_.erase(&worker);
  workers_.remove_if([&worker](const Worker& each) { return &each == &worker; });
}

void Remote::attached(const subunit::rpc::Attached& attached, const std::string& from) {
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
    worker = &workers_.emplace_back(*this, route, owner_.new_number(route));
    if (from.empty()) --to_come_;
  }
  respawns_.erase(worker);
  worker->address = subunit::escaped(attached.address);
  greet(*worker);
}

void Remote::detached(const subunit::rpc::Detached& detached, const std::string& from) {
  const std::string route = join(from, detached.route.value_or(""));
  const std::string reason = subunit::escaped(detached.reason, kMaxShown);
  if (leaving() && detached.reason != subunit::rpc::kGoodbyeReason && problem_.empty())
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
  end(workers_.emplace_back(*this, route, owner_.new_number(route)), reason);
}

void Remote::refused(const subunit::rpc::Refused& refused, const std::string& from) {
  const std::string text = subunit::escaped(refused.text, kMaxShown);
  Worker* const worker = refused.respawn ? find(join(from, *refused.respawn)) : nullptr;
  auto respawn = respawns_.extract(worker);
  if (!respawn) {
    // A message that crossed the end of its server: Detached tells the rest.
    return log_.info("the proxy refused what was sent: {}", text);
  }
  cannot_respawn_.insert(worker);
  end(*worker, fmt::format("{}; the test server cannot be started again: {}",
                           respawn.mapped().reason, text));
}

void Remote::alive(const subunit::rpc::Alive& alive, const std::string& from) {
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

}  // namespace proxy
