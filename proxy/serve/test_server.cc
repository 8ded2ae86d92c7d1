#include "proxy/serve/test_server.h"

#include "common/base/text.h"
#include "common/verdict/end_of_test.h"
#include "proxy/io/handle.h"
#include "proxy/posix/token.h"
#include "proxy/serve/listening.h"
#include "proxy/serve/packet_batch.h"

namespace proxy {

using std::chrono::milliseconds;
using std::chrono::seconds;
using subunit::Bytes;
using subunit::Result;

namespace {

// What a process that the server left behind may still write after the server's end.
constexpr auto kLeftoverTimeout = seconds(1);
constexpr auto kGroupPoll = milliseconds(10);

}  // namespace

TestServer::TestServer(uv_loop_t& loop, const ServeOptions& options, const Log& log,
                       Writer& to_client, Listening& listening, GuardProcess& guard, Place place,
                       Events events)
    : loop_(loop),
      options_(options),
      log_(log),
      to_client_(to_client),
      listening_(listening),
      guard_(guard),
      place_(std::move(place)),
      events_(std::move(events)),
      token_(random_token()),
      attach_timer_(loop, [this] { attach_timed_out(); }),
      to_channel_(to_client),
      capture_(loop, place_.route,
               {.packets =
                    [this](Bytes packets) {
                      to_channel_.insert(packets);
                      events_.flow();
                    },
                .readable =
                    [this] {
                      if (upstream_) upstream_->catch_up();
                    },
                .ended = [this] { drain(); }}),
      command_(loop, [this](const Ending&) { command_ended(); }),
      farewell_timer_(loop,
                      [this] {
                        if (to_client_.queued() > 0) return await_farewell();
                        stop(fmt::format("the test server has not ended within {} after Goodbye",
                                         subunit::in_seconds(options_.grace)));
                      }),
      drain_timer_(loop, [this] { drain_timer_fired(); }),
      leave_timer_(loop, [this] { leave(); }) {
  if (!place_.connect) return;
  connecting_.emplace(
      loop, *place_.connect, options, token_, log,
      Connecting::Events{
          .connected = [this](ServerConnection connection) { attach(std::move(connection)); },
          .failed = [this](std::string why) { stop(std::move(why)); }});
}

// The beginning.

void TestServer::start() {
  if (!options_.command.empty()) {
    if (auto started = start_command(); !started) return stop(started.error().text);
  }
  attach_timer_.start(options_.attach_timeout);
  if (connecting_) {
    connecting_->start();
  } else if (!options_.command.empty()) {
    listening_.expect(token_,
                      [this](ServerConnection connection) { attach(std::move(connection)); });
  }
}

Result<> TestServer::start_command() {
  auto ends = capture_.open();
  if (!ends) return tl::unexpected(ends.error());
  capture_.set_flow(flow_.output);
  const auto address = connecting_ ? std::optional(connecting_->address()) : listening_.address();
  const auto local_address = connecting_ ? std::nullopt : listening_.local_address();
  auto started =
      command_.start({.words = options_.command,
                      .settings = {{"SUBUNIT_RPC_ADDRESS", address},
                                   {"SUBUNIT_RPC_LOCAL", local_address},
                                   {"SUBUNIT_RPC_TOKEN", token_},
                                   {"SUBUNIT_RPC_WORKER", std::to_string(place_.number)}},
                      .in = 0,  // /dev/null, since stdin is private
                      .out = ends->out.get(),
                      .err = ends->err.get(),
                      .own_session = true});
  if (started) guard_.watch(command_.pid());
  return started;
}

void TestServer::attach(ServerConnection connection) {
  stop_attaching();
  if (command_.running()) connection.pid = command_.pid();
  phase_ = Phase::kRelaying;
  announce(subunit::rpc::Attached{place_.route, connection.address, connection.pid}, to_client_);
  log_.info("test server attached at {}", connection.address);
  upstream_.emplace(loop_, std::move(connection), place_.route, to_channel_, capture_, log_,
                    Upstream::Events{.ended = [this] { drain(); },
                                     .flow =
                                         [this] {
                                           events_.flow();
                                           await_farewell();
                                         },
                                     .wrong_token =
                                         [this] {
                                           stop(
                                               "another server than the one that was started "
                                               "has connected: it has the wrong token");
                                         }});
  upstream_->set_flow(flow_.results);
  events_.attached();
  if (!options_.command.empty() && !command_.running()) drain();
}

void TestServer::attach_timed_out() {
  const std::string waited = subunit::in_seconds(options_.attach_timeout);
  if (connecting_)
    return stop(fmt::format("no test server within {}: {}", waited, connecting_->last_failure()));
  std::string why =
      fmt::format("no test server connected to {} within {}", listening_.main_address(), waited);
  if (!options_.command.empty()) {
    why += fmt::format("; \"{}\" was started, and has to connect to its {}",
                       subunit::escaped(options_.command[0]),
                       listening_.address() ? "SUBUNIT_RPC_ADDRESS" : "SUBUNIT_RPC_LOCAL");
  }
  if (const int rejected = listening_.rejected(); rejected > 0) {
    why +=
        fmt::format("; {} connection{} closed because {} not prove to be the test server", rejected,
                    rejected == 1 ? " was" : "s were", rejected == 1 ? "it did" : "they did");
  }
  stop(std::move(why));
}

void TestServer::stop_attaching() {
  attach_timer_.stop();
  listening_.forget(token_);
  if (connecting_) connecting_->stop();
}

// At work.

void TestServer::forward(subunit::Bytes packet) {
  addressed_ = true;
  upstream_->forward(packet);
}

void TestServer::forward(const subunit::Packet& packet) {
  if (!place_.route || !packet.route_code) return forward(packet.raw);
  addressed_ = true;
  const auto forwarded = upstream_->forward_stripped(packet);
  if (!forwarded) log_.error("a packet from the client is lost: {}", forwarded.error().text);
}

void TestServer::flush() {
  if (upstream_) upstream_->flush();
}

void TestServer::say_goodbye(const subunit::Packet& packet) {
  if (attaching() || (attached() && !addressed_)) {
    dismissed_ = true;
    stop(std::string(subunit::rpc::kGoodbyeReason));
    // For one that is not ours to end. One that is has its signal before, and no time to complain.
    if (upstream_) upstream_->finish();
  } else if (attached()) {
    goodbye_said_ = true;
    forward(packet);
  }
}

void TestServer::finish() {
  client_finished_ = true;
  if (!upstream_) return;
  upstream_->finish();
  await_farewell();
}

/// After Goodbye and end of file there is nothing left to wait for but the rest of the answers.
void TestServer::await_farewell() {
  if (goodbye_said_ && client_finished_ && attached()) farewell_timer_.start(options_.grace);
}

void TestServer::set_flow(Flow flow) {
  flow_ = flow;
  capture_.set_flow(flow.output);
  if (upstream_) upstream_->set_flow(flow.results);
}

subunit::rpc::Alive::Server TestServer::activity() const {
  const Upstream::Activity activity = upstream_->activity();
  return {.route = place_.route,
          .test = activity.test ? std::optional<std::string>(*activity.test) : std::nullopt,
          .lasting = precise_now() - activity.since,
          .cpu = {}};
}

std::optional<pid_t> TestServer::session() const {
  return command_.running() ? std::optional(command_.pid()) : std::nullopt;
}

// The end.

void TestServer::stop(std::string why) {
  if (phase_ >= Phase::kDraining) return;
  stop_reason_ = std::move(why);
  stop_attaching();
  command_.terminate(options_.grace);
  drain();
}

void TestServer::retire(std::string why) {
  retired_ = phase_ < Phase::kDraining;
  if (!goodbye_said_) return stop(std::move(why));
  if (attached()) farewell_timer_.start(options_.grace);
}

void TestServer::kill() {
  command_.kill();
  drain();
}

void TestServer::command_ended() {
  if (phase_ == Phase::kDraining) drain_timer_.start(kLeftoverTimeout);
  drain();
}

/// Called whenever something of the server has ended, and again until all of it has.
void TestServer::drain() {
  if (phase_ >= Phase::kLeaving) return;
  if (phase_ == Phase::kAttaching && stop_reason_.empty()) {
    if (command_.running() || !command_.ending()) return;  // an output was closed, that is all
    stop_attaching();
  }
  const bool connected = upstream_ && !upstream_->over();
  if (phase_ == Phase::kRelaying && connected && stop_reason_.empty() &&
      (command_.running() || options_.command.empty()))
    return;
  if (phase_ != Phase::kDraining) {
    phase_ = Phase::kDraining;
    farewell_timer_.stop();
    // A server that has closed its connection is given time to end. Anything else that still holds
    // on is a leftover.
    drain_timer_.start(command_.running() ? options_.grace : kLeftoverTimeout);
  }
  const bool client_lost = to_client_.over();
  if (!command_.running() && ((!connected && capture_.over()) || client_lost)) conclude();
}

void TestServer::drain_timer_fired() {
  if (phase_ != Phase::kDraining) return;
  if (to_client_.queued() > 0 && upstream_ && !upstream_->over())
    return drain_timer_.start(kLeftoverTimeout);  // a slow channel is no leftover
  if (command_.running()) {
    hung_up_ = stop_reason_.empty();
    command_.terminate(options_.grace);
    return drain_timer_.start(options_.grace + kLeftoverTimeout);
  }
  if (!capture_.over())
    log_.warning(
        "a process that the test server left behind is still running and holds its output open; "
        "its further output is dropped");
  conclude();
}

void TestServer::conclude() {
  phase_ = Phase::kLeaving;
  drain_timer_.stop();
  capture_.drain();
  capture_.close();
  const std::string why = describe_end();
  if (upstream_) {
    upstream_->cut_off();
    fail_open_tests(why);
  }
  ended_well_ = dismissed_ || (goodbye_said_ && stop_reason_.empty() && upstream_ && !hung_up_ &&
                               command_.ending().value_or(Ending{0, {}}).exit == 0);
  subunit::rpc::Detached detached{
      .route = place_.route,
      .reason = ended_well_ ? std::string(subunit::rpc::kGoodbyeReason) : why,
      .exit = {},
      .signal = {}};
  if (const auto& ending = command_.ending()) {
    detached.exit = ending->exit;
    detached.signal = ending->signal;
  }
  announce(detached, to_client_);
  const std::string which = place_.route ? fmt::format(" (route code {})", *place_.route) : "";
  if (ended_well_) {
    log_.info("the test server has ended after Goodbye{}", which);
  } else if (retired_) {
    log_.info("{}{}", why, which);
  } else if (goodbye_said_) {
    log_.warning("after Goodbye, {}{}", why, which);
  } else {
    log_.error("{}{}", why, which);
  }
  command_.terminate(options_.grace);
  events_.detached();
  leave();
}

std::string TestServer::describe_end() const {
  if (!stop_reason_.empty()) return stop_reason_;
  if (hung_up_)
    return "the test server closed its connection but did not end, so the proxy ended it";
  const auto& ending = command_.ending();
  if (!ending) {
    return fmt::format("the test server at {} closed the connection",
                       connecting_ ? connecting_->address() : listening_.main_address());
  }
  return fmt::format("the test server {}{}", ending->text(),
                     upstream_ ? "" : " before it connected");
}

void TestServer::fail_open_tests(const std::string& why) {
  const std::string reason =
      fmt::format("{} while this test was in progress\n{}", why, capture_.last_output());
  subunit::Buffer packets;
  upstream_->for_each_open_test([&](const Upstream::OpenTest& test) {
    subunit::verdict::encode_end(
        {.test_id = test.id, .reason = reason, .when = wall_clock(), .route = test.route}, packets);
  });
  to_client_.send(packets);
}

void TestServer::leave() {
  if (command_.running() || command_.group_alive()) return leave_timer_.start(kGroupPoll);
  phase_ = Phase::kOver;
  events_.over();
}

}  // namespace proxy
