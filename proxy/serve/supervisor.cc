#include "proxy/serve/supervisor.h"

#include <algorithm>
#include <charconv>

#include "common/base/text.h"
#include "proxy/posix/cpu_time.h"

namespace proxy {

using subunit::error;
using subunit::Result;

namespace {

// Between TERM and KILL, for what the servers left behind. The client waits three seconds for us.
constexpr auto kLeftoverGrace = std::chrono::seconds(1);

}  // namespace

Supervisor::Supervisor(uv_loop_t& loop, const ServeOptions& options, const Log& log,
                       Writer& to_client, Events events)
    : loop_(loop),
      options_(options),
      log_(log),
      to_client_(to_client),
      events_(std::move(events)),
      listening_(loop, options, log),
      guard_(loop),
      leftovers_(
          loop, log,
          {.is_awaited = [this](pid_t child) { return awaits(child); }, .over = events_.over}),
      replace_timer_(loop, [this] { replace_ended(); }) {
  const std::size_t count = std::max<std::size_t>(options.workers, options.connect.size());
  for (std::size_t i = 0; i < count; ++i) add_slot();
}

Supervisor::Slot& Supervisor::add_slot() {
  const unsigned number = next_number_++;
  Slot& slot = slots_[number];
  slot.server = make_server(number);
  return slot;
}

std::unique_ptr<TestServer> Supervisor::make_server(unsigned number) {
  TestServer::Place place{.number = number, .route = {}};
  if (options_.routed()) place.route = std::to_string(number);
  if (!options_.connect.empty())
    place.connect = options_.connect[options_.command.empty() ? number : 0];
  Slot& slot = slots_[number];  // of a map: it stays where it is
  auto server = std::make_unique<TestServer>(
      loop_, options_, log_, to_client_, listening_, guard_, std::move(place),
      TestServer::Events{.attached = [this, &slot] { attached(slot); },
                         .detached = [this, &slot] { detached(slot); },
                         .over =
                             [this] {
                               // It is in the middle of telling so.
                               replace_timer_.start(subunit::Time(0));
                               end_leftovers();
                               events_.over();
                             },
                         .flow = events_.flow});
  server->set_flow(flow_);
  return server;
}

Result<> Supervisor::prepare() {
  if (!options_.command.empty() || options_.temporary_folder) {
    // It outlives this process, whose file is in the folder that is to go.
    if (auto started = guard_.start(options_.temporary_folder.value_or("")); !started)
      return started;
  }
  return options_.listen ? listening_.open() : Result<>();
}

std::string Supervisor::address() const {
  if (options_.connect.empty()) return listening_.main_address();
  std::string all;
  for (const Endpoint& endpoint : options_.connect)
    all += (all.empty() ? "" : " ") + endpoint.text();
  return all;
}

std::optional<std::string> Supervisor::listening() const {
  return options_.listen ? listening_.address() : std::nullopt;
}

void Supervisor::start() {
  if (options_.open_house()) {
    listening_.welcome([this] { return has_room(); },
                       [this](ServerConnection connection) { welcome(std::move(connection)); });
  }
  if (options_.listen) listening_.start();
  for (auto& [number, slot] : slots_) slot.server->start();
}

// Those that somebody else starts.

bool Supervisor::has_room() const {
  const auto there = std::ranges::count_if(
      slots_, [](const Slots::value_type& each) { return each.second.server->attached(); });
  return !ending_ && there < options_.max_servers;
}

void Supervisor::welcome(ServerConnection connection) {
  // The first one is waited for, within a time.
  const auto awaited = std::ranges::find_if(
      slots_, [](const Slots::value_type& each) { return each.second.server->attaching(); });
  Slot& slot = awaited != slots_.end() ? awaited->second : add_slot();
  slot.server->attach(std::move(connection));
  if (!options_.routed()) listening_.close();
}

// The beginning and the end of one.

void Supervisor::attached(Slot& slot) {
  ++ever_attached_;
  slot.restart = Restart::kNone;
  events_.attached(*slot.server);
}

void Supervisor::detached(Slot& slot) {
  if (slot.restart == Restart::kUnderWay) slot.restart = Restart::kNone;
  events_.detached();
}

std::optional<int> Supervisor::expected() const {
  if (!options_.expects_several()) return std::nullopt;
  return std::max(options_.workers, static_cast<int>(options_.connect.size()));
}

Result<> Supervisor::respawn(const subunit::rpc::Respawn& request) {
  Slot* const slot = find_slot(request.route);
  if (!slot && request.route)
    return error(
        "cannot start a test server again that never was: there is none with the route "
        "code \"{}\"",
        subunit::escaped(*request.route));
  if (!slot) return error("cannot tell which test server to start again: there are several");
  if (options_.command.empty())
    return error(
        "cannot start this test server again: the proxy did not start it; use `serve -- COMMAND`");
  if (ending_) return error("cannot start a test server: the proxy is ending");
  if (slot->restart != Restart::kNone) return {};
  slot->restart = Restart::kWanted;
  slot->server->retire(request.reason.value_or("the server was restarted on request"));
  replace_timer_.start(subunit::Time(0));
  return {};
}

void Supervisor::replace_ended() {
  for (auto each = slots_.begin(); each != slots_.end();) {
    auto& [number, slot] = *each;
    const bool over = slot.server->over();
    if (over && slot.restart == Restart::kWanted) {
      slot.restart = Restart::kUnderWay;
      slot.server = make_server(number);
      slot.server->start();
    }
    // Where servers come and go, those that have gone leave nothing behind.
    const bool gone = over && options_.open_house() && slots_.size() > 1;
    if (gone) lost_one_ |= !slot.server->ended_well() && !slot.excused;
    each = gone ? slots_.erase(each) : std::next(each);
  }
}

void Supervisor::cancel_restarts() {
  ending_ = true;
  for (auto& [number, slot] : slots_)
    if (slot.restart == Restart::kWanted) slot.restart = Restart::kNone;
}

// All of them.

Supervisor::Slot* Supervisor::find_slot(const std::optional<std::string>& route) {
  if (!route) return slots_.size() == 1 ? &slots_.begin()->second : nullptr;
  unsigned number = 0;
  const char* const end = route->data() + route->size();
  if (std::from_chars(route->data(), end, number).ptr != end || std::to_string(number) != *route)
    return nullptr;
  const auto found = slots_.find(number);
  return found != slots_.end() ? &found->second : nullptr;
}

TestServer* Supervisor::find(std::string_view route) {
  Slot* const slot = find_slot(std::string(route));
  return slot ? slot->server.get() : nullptr;
}

TestServer* Supervisor::only() {
  if (options_.expects_several() || (options_.routed() && ever_attached_ > 1)) return nullptr;
  return slots_.begin()->second.server.get();
}

void Supervisor::for_each_attached(const std::function<void(TestServer&)>& visit) {
  for (auto& [number, slot] : slots_)
    if (slot.server->attached()) visit(*slot.server);
}

void Supervisor::say_goodbye(const subunit::Packet& packet) {
  lost_one_ = false;
  for (auto& [number, slot] : slots_)
    slot.excused = slot.server->detached() || slot.restart == Restart::kWanted;
  cancel_restarts();
  listening_.close();  // who is on the way comes too late, and is not counted as rejected
  for (auto& [number, slot] : slots_) slot.server->say_goodbye(packet);
}

void Supervisor::finish() {
  cancel_restarts();
  for_each_attached([](TestServer& server) { server.finish(); });
}

void Supervisor::stop(std::string_view why) {
  cancel_restarts();
  listening_.close();
  for (auto& [number, slot] : slots_) slot.server->stop(std::string(why));
}

void Supervisor::kill() {
  for (auto& [number, slot] : slots_) slot.server->kill();
  leftovers_.hurry();
}

void Supervisor::close() {
  listening_.close();
  closed_ = true;
  end_leftovers();
}

void Supervisor::end_leftovers() {
  if (closed_ && servers_over())
    leftovers_.end(std::min<subunit::Time>(options_.grace, kLeftoverGrace), guard_.pid());
}

bool Supervisor::awaits(pid_t child) const {
  return child == guard_.pid() ||
         std::ranges::any_of(slots_, [child](const Slots::value_type& each) {
           return each.second.server->session() == child;
         });
}

void Supervisor::flush() {
  for (auto& [number, slot] : slots_) slot.server->flush();
}

void Supervisor::set_flow(Flow flow) {
  if (flow == flow_) return;
  const bool opens = (flow.results && !flow_.results) || (flow.output && !flow_.output);
  flow_ = flow;
  if (slots_.empty()) return;
  // Who may go on first may fill the channel before it is the others' turn. So everybody gets to be
  // the first.
  auto each = opens ? slots_.upper_bound(first_in_turn_) : slots_.lower_bound(first_in_turn_);
  if (each == slots_.end()) each = slots_.begin();
  first_in_turn_ = each->first;
  for (std::size_t left = slots_.size(); left > 0; --left) {
    each->second.server->set_flow(flow);
    if (++each == slots_.end()) each = slots_.begin();
  }
}

std::size_t Supervisor::queued() const {
  std::size_t sum = 0;
  for (const auto& [number, slot] : slots_) sum += slot.server->queued();
  return sum;
}

bool Supervisor::congested() const {
  return std::ranges::any_of(
      slots_, [](const Slots::value_type& each) { return each.second.server->congested(); });
}

subunit::rpc::Alive Supervisor::alive() const {
  CpuTimes times;
  for (const auto& [number, slot] : slots_)
    if (const auto session = slot.server->session()) times.emplace(*session, 0);
  read_cpu_times(times);
  subunit::rpc::Alive alive;
  for (const auto& [number, slot] : slots_) {
    if (!slot.server->attached()) continue;
    alive.servers.push_back(slot.server->activity());
    if (const auto session = slot.server->session()) alive.servers.back().cpu = times.at(*session);
  }
  return alive;
}

bool Supervisor::any_left() const {
  return std::ranges::any_of(slots_, [](const Slots::value_type& each) {
    return !each.second.server->detached() || each.second.restart == Restart::kWanted;
  });
}

bool Supervisor::over() const {
  return leftovers_.over();
}

bool Supervisor::servers_over() const {
  return std::ranges::all_of(
      slots_, [](const Slots::value_type& each) { return each.second.server->over(); });
}

bool Supervisor::all_well() const {
  return !lost_one_ && std::ranges::all_of(slots_, [](const Slots::value_type& each) {
    return each.second.excused || each.second.server->ended_well();
  });
}

}  // namespace proxy
