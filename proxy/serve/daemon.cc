#include "proxy/serve/daemon.h"

#include <fmt/core.h>

#include <csignal>

#include "common/base/text.h"
#include "common/rpc/attachment.h"
#include "proxy/cli/version.h"
#include "proxy/posix/stdio.h"
#include "proxy/serve/packet_batch.h"

namespace proxy {

using std::chrono::milliseconds;
using std::chrono::seconds;
using subunit::Bytes;
using subunit::Packet;
using subunit::Result;

namespace {

// A signal allows this beyond the grace period for what servers left behind, and for the channel.
constexpr auto kEndTimeout = seconds(1);

// However often the client wants to hear from us: reading /proc takes a few milliseconds.
constexpr auto kMinInterval = milliseconds(50);

// Bytes for all servers together that they have not taken: one that does not read must not keep the
// others from what is theirs, and requests come in packets of up to four megabytes.
constexpr std::size_t kMaxBacklog = 8 << 20;

// On a slow line that is busy: before the client has doubts.
constexpr auto kMaxSilence = seconds(5);

// Those who start us by the wrong command see this, whatever their client knows.
constexpr std::string_view kNoStdin =
    "the stdin of `subunit-proxy serve` was at its end from the start, so nothing can reach it: "
    "podman, docker and kubectl exec need -i for that, and ssh must not have -n";

constexpr std::size_t kMaxRequest = 64 << 10;  // the longest is a reason, for people

}  // namespace

Daemon::Daemon(uv_loop_t& loop, const ServeOptions& options, Fd in, Fd out, const Log& log,
               std::function<bool()> idle)
    : loop_(loop),
      options_(options),
      log_(log),
      idle_(std::move(idle)),
      to_client_(loop, duplicate(out.get()),
                 {.progress = [this] { regulate(); },
                  .failed = [this](const subunit::Error& error) { channel_lost(error.text); }}),
      from_client_(loop, std::move(in),
                   {.packet = [this](const Packet& packet) { receive(packet); },
                    .noise = [this](Bytes bytes) { receive_noise(bytes); },
                    .batch = [this] { batch_over(); },
                    .ended = [this](const Result<>&) { channel_ended(); }}),
      client_watch_(loop, std::move(out), [this] { channel_lost("nobody reads stdout any more"); }),
      signals_(
          loop, [this](const char* name) { signalled(name); }, StopSignals::Which::kAndQuit),
      grace_timer_(loop, [this] { abandon(); }),
      supervisor_(loop, options, log, to_client_,
                  {.attached = [this](TestServer& server) { server_attached(server); },
                   .detached = [this] { server_detached(); },
                   .over = [this] { end_if_possible(); },
                   .flow = [this] { regulate(); }}),
      alive_timer_(loop, [this] { say_alive(); }),
      lease_timer_(loop, [this] {
        from_client_.catch_up();
        if (lease_timer_.running()) return;  // something had come
        channel_lost(fmt::format("nothing has come from the client within its lease of {}",
                                 subunit::in_seconds(watch_->lease)));
      }) {}

Result<> Daemon::start() {
  to_client_.end_lines();
  from_client_.skip_line_feeds();
  if (auto prepared = supervisor_.prepare(); !prepared) return prepared;
  if (auto notified = notify_service_manager(); !notified)
    log_.warning("{}", notified.error().text);
  if (options_.ready_fd) {
    if (auto notified = notify_fd(*options_.ready_fd, supervisor_.address()); !notified)
      return notified;
  }
  phase_ = Phase::kServing;

  // The line feed ends whatever stands on the line already: a banner, a prompt.
  const std::uint8_t line_feed = '\n';
  to_client_.send(Bytes(&line_feed, 1));
  options_.tree ? await_tree(*options_.tree) : announce_ready();
  return {};
}

void Daemon::await_tree(const std::string& path) {
  tree_.emplace(loop_, path, to_client_,
                TreeReceiver::Events{.arrived = [this]() -> Result<> {
                                       if (auto entered = tree_->target().enter(); !entered)
                                         return entered;
                                       return options_.surroundings.enter();
                                     },
                                     .done = [this] { announce_ready(); },
                                     .failed = [this](std::string_view why) { stop(why); }});
  tree_->begin();
  regulate();
}

void Daemon::announce_ready() {
  subunit::rpc::Ready ready{.proxy = fmt::format("subunit-proxy/{}", kVersion),
                            .versions = subunit::rpc::kSupportedVersions,
                            .listening = supervisor_.listening(),
                            .expected = supervisor_.expected()};
  if (!kRevision.empty()) ready.revision = kRevision;
  announce(ready, to_client_);
  if (client_lost_) return;  // it was gone before we came
  supervisor_.start();
  regulate();
}

// From the client.

void Daemon::receive(const Packet& packet) {
  heard_ = true;
  client_at_line_start_ = packet.raw.back() == '\n';
  if (tree_ && !tree_->over()) return receive_tree(packet);
  if (packet.route_code) {
    // A proxy behind this one has routes, and messages, of its own.
    return options_.routed() ? deliver_by_route(packet) : deliver(packet);
  }
  if (packet.test_id == subunit::rpc::kProxyTestId) return receive_request(packet);
  const auto message = subunit::rpc::peek_message(packet);
  if (message && std::holds_alternative<subunit::rpc::Hello>(*message) && hello_.empty())
    return greet(packet);
  if (message && std::holds_alternative<subunit::rpc::Goodbye>(*message))
    return say_goodbye(packet);
  deliver(packet);
}

void Daemon::receive_tree(const Packet& packet) {
  const auto message = subunit::sync::read_message(packet);
  if (!message) return refuse("the files of --sync are not there yet");
  tree_->receive(*message);
}

void Daemon::receive_request(const Packet& packet) {
  const std::string_view content = packet.file ? subunit::as_text(packet.file->content) : "";
  if (subunit::rpc::carries_message(packet, subunit::rpc::kProxyTestId) &&
      content.size() <= kMaxRequest) {
    const auto request = subunit::rpc::parse_announcement(content);
    if (!request) return refuse(request.error().text);
    if (const auto* asked = std::get_if<subunit::rpc::Watch>(&*request)) return watch(*asked);
    if (const auto* asked = std::get_if<subunit::rpc::Respawn>(&*request)) {
      if (const auto done = supervisor_.respawn(*asked); !done)
        refuse(done.error().text, asked->route.value_or(""));
      return;
    }
  }
  refuse(fmt::format("the proxy does not know this message: {}", subunit::escaped(content)));
}

void Daemon::deliver(const Packet& packet) {
  TestServer* const server = supervisor_.only();
  if (!server)
    return refuse("a packet without a route code: it must name one of several test servers");
  if (server->attaching()) return hold(packet);
  if (!server->attached()) return refuse("there is no longer a test server to deliver a packet to");
  server->forward(packet);
}

void Daemon::deliver_by_route(const Packet& packet) {
  const subunit::Route route = subunit::split_route(*packet.route_code);
  TestServer* const server = supervisor_.find(route.first);
  if (!server || !server->attached()) {
    const char* const why = !server               ? "there is no such test server"
                            : server->attaching() ? "that test server is not connected yet"
                                                  : "that test server is gone";
    return refuse(
        fmt::format("a packet with route code \"{}\": {}", subunit::escaped(route.first), why));
  }
  const auto message = route.rest ? std::nullopt : subunit::rpc::peek_message(packet);
  if (message && std::holds_alternative<subunit::rpc::Goodbye>(*message))
    return server->say_goodbye(packet);
  server->forward(packet);
}

void Daemon::greet(const Packet& packet) {
  hello_.assign(packet.raw.begin(), packet.raw.end());
  supervisor_.for_each_attached([&](TestServer& server) { server.forward(packet.raw); });
}

void Daemon::say_goodbye(const Packet& packet) {
  // A client that says everything at once, and waits for nothing, wants its answers all the same.
  const TestServer* const only = supervisor_.only();
  if (only && only->attaching() && !supervisor_.any_attached_yet() && !watch_) return hold(packet);
  goodbye_said_ = true;
  supervisor_.say_goodbye(packet);
  finish_if_alone();
}

void Daemon::hold(const Packet& packet) {
  held_.assign(packet.raw.begin(), packet.raw.end());
  regulate();
}

void Daemon::deliver_held() {
  if (held_.empty()) return;
  const subunit::Buffer held = std::exchange(held_, {});
  receive(subunit::parse_packet(held).value());
  supervisor_.flush();
}

/// A client that ends its packets with line feeds is told in lines, too. To one of version 0.1.0
/// they are noise, and it writes none.
void Daemon::adopt_lines() {
  if (from_client_.skipped_line_feed()) {
    to_client_.end_lines();
  } else if (!client_at_line_start_) {
    to_client_.leave_lines();
  }
}

void Daemon::batch_over() {
  adopt_lines();
  supervisor_.flush();
  if (watch_) lease_timer_.start(watch_->lease);
  regulate();
}

void Daemon::receive_noise(Bytes bytes) {
  heard_ = true;
  log_.warning("{} bytes from the client are not part of a packet: \"{}\"", bytes.size(),
               subunit::escaped(bytes, 80));
}

/// `respawn`: the route of the server that was to be started again, if it was that.
void Daemon::refuse(std::string text, std::optional<std::string> respawn) {
  // Somebody who sends what is refused, and does not read, must not fill our memory.
  if (to_client_.congested()) return log_.warning("refused a packet, without an answer: {}", text);
  log_.warning("refused a packet from the client: {}", text);
  announce(subunit::rpc::Refused{std::move(text), std::move(respawn)}, to_client_);
}

void Daemon::channel_ended() {
  log_.debug("end of file from the client");
  client_finished_ = true;
  lease_timer_.stop();
  if (!heard_) return stop(kNoStdin);
  if (tree_ && !tree_->over()) return stop("the client has ended before its files were there");
  supervisor_.finish();
  finish_if_alone();
}

void Daemon::channel_lost(std::string_view why) {
  if (client_lost_) return;
  client_lost_ = true;
  log_.info("the channel has ended: {}", why);
  client_watch_.stop();
  to_client_.close();
  from_client_.close();
  stop(fmt::format("the channel to the client was lost: {}", why));
  end_if_possible();
}

// To the client.

void Daemon::watch(const subunit::rpc::Watch& watch) {
  watch_ = watch;
  alive_timer_.start(std::max<subunit::Time>(watch.interval, kMinInterval));
  lease_timer_.start(watch.lease);
}

void Daemon::say_alive() {
  alive_timer_.start(std::max<subunit::Time>(watch_->interval, kMinInterval));
  // What is on its way says the same, and on a slow line this would be a good part of it.
  if (to_client_.queued() > 0) return;
  const subunit::Time now = precise_now();
  if (idle_ && !idle_() && now - said_alive_at_ < kMaxSilence) return;
  said_alive_at_ = now;
  announce(supervisor_.alive(), to_client_);
}

/// Results go first: captured output is read only while nothing is queued for the client. On a
/// console, results are read only then, too: what is queued here is lost if a test kills this
/// process, and what the one with the link has is not.
void Daemon::regulate() {
  const bool drained = to_client_.queued() == 0;
  supervisor_.set_flow({.results = idle_ ? drained : !to_client_.congested(), .output = drained});
  if (phase_ != Phase::kServing) return end_if_possible();
  const bool full =
      options_.routed() ? supervisor_.queued() > kMaxBacklog : supervisor_.congested();
  if (full || !held_.empty()) {
    from_client_.pause();
    lease_timer_.stop();  // what it says now is not heard
  } else {
    from_client_.resume();
    if (watch_ && !client_finished_ && !lease_timer_.running()) lease_timer_.start(watch_->lease);
  }
}

// The test servers.

void Daemon::server_attached(TestServer& server) {
  if (!hello_.empty()) server.forward(Bytes(hello_));
  server.flush();
  deliver_held();
  if (client_finished_) server.finish();
  regulate();
}

void Daemon::server_detached() {
  finish_if_alone();
  if (phase_ != Phase::kServing) return;
  deliver_held();
  regulate();
}

/// No server is there, but the client may ask for one, and is known to be there itself.
bool Daemon::worth_waiting() const {
  return watch_ && !options_.command.empty() && !goodbye_said_ && !client_finished_ && !stopped_;
}

// The end.

/// The first signal asks for an orderly end, within limits; the second for an end.
void Daemon::signalled(std::string_view name) {
  if (grace_timer_.running()) return abandon();
  grace_timer_.start(options_.grace + kEndTimeout);
  stop(fmt::format("the proxy was ended by {}", name));
}

/// Waits for nobody any more, be it a server or the reader of stdout.
void Daemon::abandon() {
  channel_lost("the client did not read the remaining output");
  supervisor_.kill();
}

void Daemon::stop(std::string_view why) {
  stopped_ = true;
  supervisor_.stop(why);
  finish_if_alone();
}

void Daemon::finish_if_alone() {
  if (!supervisor_.any_left() && !worth_waiting()) finish();
}

void Daemon::finish() {
  if (phase_ != Phase::kServing) return;
  phase_ = Phase::kFlushing;
  exit_status_ = !stopped_ && supervisor_.all_well() ? 0 : 3;
  alive_timer_.stop();
  lease_timer_.stop();
  supervisor_.close();
  from_client_.close();
  to_client_.finish();
  end_if_possible();
}

void Daemon::end_if_possible() {
  if (phase_ != Phase::kFlushing || !supervisor_.over()) return;
  if (!to_client_.over()) return;  // progress or failure comes back here
  client_watch_.stop();
  phase_ = Phase::kOver;
}

}  // namespace proxy
