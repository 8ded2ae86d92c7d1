#include "proxy/serve/daemon.h"

#include <csignal>
#include <cstring>

#include "common/base/escape.h"
#include "common/rpc/attachment.h"
#include "common/rpc/peek.h"
#include "common/verdict/failure.h"
#include "proxy/io/notify.h"
#include "proxy/io/wall_clock.h"

namespace proxy {

using std::chrono::milliseconds;
using std::chrono::seconds;
using subunit::Bytes;
using subunit::Packet;
using subunit::Result;

namespace {

// What a process that the server left behind may still write after the server's end.
constexpr auto kLeftoverPatience = seconds(1);
constexpr auto kGroupPoll = milliseconds(10);

}  // namespace

Daemon::Daemon(uv_loop_t& loop, const ServeOptions& options, const PrivateStream& in,
               const PrivateStream& out, const Log& log)
    : loop_(loop),
      options_(options),
      log_(log),
      to_client_(loop, out.duplicate(),
                 {.progress = [this] { regulate(); },
                  .failed = [this](const subunit::Error& error) { channel_lost(error.text); }}),
      from_client_(loop, in.duplicate(),
                   {.packet = [this](const Packet& packet) { receive(packet); },
                    .noise = [this](Bytes bytes) { receive_noise(bytes); },
                    .batch =
                        [this] {
                          if (upstream_) upstream_->flush();
                          regulate();
                        },
                    .ended = [this](const Result<>&) { channel_ended(); }}),
      client_watch_(loop, out.duplicate(),
                    [this] { channel_lost("nobody reads stdout any more"); }),
      signals_{SignalWatch(loop, SIGTERM, [this] { signalled("SIGTERM"); }),
               SignalWatch(loop, SIGINT, [this] { signalled("SIGINT"); }),
               SignalWatch(loop, SIGHUP, [this] { signalled("SIGHUP"); }),
               SignalWatch(loop, SIGQUIT, [this] { signalled("SIGQUIT"); })},
      impatience_(loop, [this] { abandon(); }),
      capture_(loop, {.packets = [this](Bytes packets) { captured(packets); },
                      .readable =
                          [this] {
                            if (upstream_) upstream_->catch_up();
                          },
                      .ended = [this] { drain(); }}),
      attaching_(
          loop, options, log,
          {.attached = [this](ServerConnection connection) { attached(std::move(connection)); },
           .failed = [this](std::string why) { attach_failed(std::move(why)); }}),
      command_(loop, [this](const Ending&) { command_ended(); }),
      farewell_timer_(loop,
                      [this] {
                        if (to_client_.queued() > 0) return await_farewell();
                        stop(fmt::format("the test server has not ended within {} after Goodbye",
                                         subunit::in_seconds(options_.grace)));
                      }),
      drain_timer_(loop, [this] { drain_timer_fired(); }),
      flush_timer_(loop, [this] { finish_if_possible(); }) {}

void Daemon::enter(Phase phase) {
  phase_ = phase;
}

Result<> Daemon::start() {
  if (auto prepared = attaching_.prepare(); !prepared) return prepared;
  const std::string& address = attaching_.address();
  if (auto notified = notify_service_manager(); !notified)
    log_.warning("{}", notified.error().text);
  if (options_.ready_fd) {
    if (auto notified = notify_fd(*options_.ready_fd, address); !notified) return notified;
  }
  enter(Phase::kAttaching);

  // The line feed ends whatever stands on the line already: a banner, a prompt.
  const std::uint8_t line_feed = '\n';
  to_client_.send(Bytes(&line_feed, 1));
  announce(
      subunit::Ready{.proxy = "subunit-proxy/" SUBUNIT_PROXY_VERSION,
                     .versions = subunit::kSupportedVersions,
                     .listening = attaching_.listens() ? std::optional(address) : std::nullopt});
  if (client_lost_) return {};  // it was gone before we came
  if (!options_.command.empty()) {
    if (auto started = start_command(); !started) {
      attach_failed(started.error().text);
      return {};
    }
  }
  attaching_.start();
  return {};
}

Result<> Daemon::start_command() {
  auto ends = capture_.open();
  if (!ends) return tl::unexpected(ends.error());
  return command_.start({.words = options_.command,
                         .settings = {{"SUBUNIT_RPC_ADDRESS", attaching_.address()},
                                      {"SUBUNIT_RPC_TOKEN", attaching_.token()}},
                         .in = 0,  // /dev/null, since stdin is private
                         .out = ends->out.get(),
                         .err = ends->err.get(),
                         .own_session = true});
}

void Daemon::announce(const subunit::Announcement& announcement) {
  subunit::Buffer packet;
  const auto encoded = subunit::encode_attachment(subunit::kProxyTestId, to_json(announcement),
                                                  std::nullopt, packet);
  if (!encoded) log_.error("{}", encoded.error().text);
  to_client_.send(packet);
}

void Daemon::attached(ServerConnection connection) {
  if (command_.running()) connection.pid = command_.pid();
  enter(Phase::kRelaying);
  announce(subunit::Attached{.route = {}, .address = connection.address, .pid = connection.pid});
  log_.info("test server attached at {}", connection.address);
  upstream_.emplace(loop_, std::move(connection), to_client_, capture_,
                    Upstream::Events{.ended = [this] { drain(); },
                                     .flow =
                                         [this] {
                                           regulate();
                                           await_farewell();
                                         }});
  from_client_.resume();
  if (!options_.command.empty() && !command_.running()) drain();
}

void Daemon::attach_failed(std::string why) {
  if (phase_ != Phase::kAttaching) return;
  stop(std::move(why));
}

// From the client.

void Daemon::receive(const Packet& packet) {
  if (packet.test_id == subunit::kProxyTestId) {
    const std::string_view content = packet.file ? subunit::as_text(packet.file->content) : "";
    return refuse(
        fmt::format("the proxy does not know this message: {}", subunit::escaped(content)));
  }
  if (phase_ != Phase::kRelaying)
    return refuse("there is no test server any more to deliver a packet to");
  const auto message = subunit::peek_message(packet);
  if (message && std::holds_alternative<subunit::Goodbye>(*message)) goodbye_said_ = true;
  upstream_->forward(packet);
}

void Daemon::refuse(std::string text) {
  // Somebody who sends what is refused, and does not read, must not fill our memory.
  if (to_client_.congested()) return log_.warning("refused a packet, without an answer: {}", text);
  log_.warning("refused a packet from the client: {}", text);
  if (upstream_) upstream_->insert({});
  announce(subunit::Refused{std::move(text)});
}

void Daemon::receive_noise(Bytes bytes) {
  log_.warning("{} bytes from the client are no packet: \"{}\"", bytes.size(),
               subunit::escaped(bytes, 80));
}

void Daemon::channel_ended() {
  log_.debug("end of file from the client");
  client_finished_ = true;
  if (upstream_) upstream_->finish();
  await_farewell();
}

/// After Goodbye and end of file there is nothing left to wait for but the rest of the answers.
void Daemon::await_farewell() {
  if (goodbye_said_ && client_finished_ && phase_ == Phase::kRelaying)
    farewell_timer_.start(options_.grace);
}

void Daemon::channel_lost(std::string_view why) {
  if (client_lost_) return;
  client_lost_ = true;
  log_.info("the channel is gone: {}", why);
  client_watch_.stop();
  to_client_.close();
  from_client_.close();
  stop(fmt::format("the channel to the client was lost: {}", why));
  finish_if_possible();
}

void Daemon::captured(Bytes packets) {
  upstream_ ? upstream_->insert(packets) : to_client_.send(packets);
  regulate();
}

/// Results go first: captured output is read only while nothing is queued for the client.
void Daemon::regulate() {
  capture_.set_flow(to_client_.queued() == 0);
  if (upstream_) upstream_->set_flow(!to_client_.congested());
  if (phase_ != Phase::kRelaying) {
    if (phase_ == Phase::kFlushing) finish_if_possible();
    return;
  }
  upstream_->congested() ? from_client_.pause() : from_client_.resume();
}

// The end.

/// The first signal asks for an orderly end, within limits; the second for an end.
void Daemon::signalled(std::string_view name) {
  if (impatience_.running()) return abandon();
  impatience_.start(options_.grace + kLeftoverPatience);
  stop(fmt::format("the proxy was ended by {}", name));
}

/// Waits for nobody any more, be it the server or the reader of stdout.
void Daemon::abandon() {
  command_.kill();
  channel_lost("it did not take what was left");
  drain();
}

void Daemon::stop(std::string why) {
  if (phase_ >= Phase::kDraining) return;
  stop_reason_ = std::move(why);
  attaching_.stop();
  command_.terminate(options_.grace);
  drain();
}

void Daemon::command_ended() {
  if (phase_ == Phase::kDraining) drain_timer_.start(kLeftoverPatience);
  drain();
}

/// Called whenever something of the server has ended, and again until all of it has.
void Daemon::drain() {
  if (phase_ >= Phase::kFlushing || phase_ == Phase::kStarting) return;
  if (phase_ == Phase::kAttaching && stop_reason_.empty()) {
    if (command_.running() || !command_.ending()) return;  // an output was closed, that is all
    attaching_.stop();
  }
  const bool connected = upstream_ && !upstream_->over();
  if (phase_ == Phase::kRelaying && connected && stop_reason_.empty() &&
      (command_.running() || options_.command.empty()))
    return;
  if (phase_ != Phase::kDraining) {
    enter(Phase::kDraining);
    // A server that has closed its connection is given time to end. Anything else that still holds
    // on is a leftover.
    drain_timer_.start(command_.running() ? options_.grace : kLeftoverPatience);
  }
  if (!command_.running() && ((!connected && capture_.over()) || client_lost_)) conclude();
}

void Daemon::drain_timer_fired() {
  if (phase_ != Phase::kDraining) return;
  if (to_client_.queued() > 0 && upstream_ && !upstream_->over())
    return drain_timer_.start(kLeftoverPatience);  // a slow channel is no leftover
  if (command_.running()) {
    hung_up_ = stop_reason_.empty();
    command_.terminate(options_.grace);
    return drain_timer_.start(options_.grace + kLeftoverPatience);
  }
  if (!capture_.over())
    log_.warning(
        "a process that the test server left behind still holds its output open; it is cut off");
  conclude();
}

void Daemon::conclude() {
  enter(Phase::kFlushing);
  drain_timer_.stop();
  capture_.drain();
  capture_.close();
  const std::string why = describe_end();
  if (upstream_) {
    upstream_->cut_off();
    fail_open_tests(why);
  }
  const bool ended_well = goodbye_said_ && stop_reason_.empty() && upstream_ && !hung_up_ &&
                          command_.ending().value_or(Ending{0, {}}).exit == 0;
  subunit::Detached detached{.route = {},
                             .reason = ended_well ? std::string(subunit::kGoodbyeReason) : why,
                             .exit = {},
                             .signal = {}};
  if (const auto& ending = command_.ending()) {
    detached.exit = ending->exit;
    detached.signal = ending->signal;
  }
  announce(detached);
  ended_well ? log_.info("the test server has ended after Goodbye") : log_.error("{}", why);
  exit_status_ = ended_well ? 0 : 3;

  from_client_.close();
  command_.terminate(options_.grace);
  to_client_.finish();
  finish_if_possible();
}

std::string Daemon::describe_end() const {
  if (!stop_reason_.empty()) return stop_reason_;
  if (hung_up_)
    return "the test server closed its connection but did not end, so the proxy ended it";
  const auto& ending = command_.ending();
  if (!ending) {
    return fmt::format("the test server at {} closed the connection", attaching_.address());
  }
  return fmt::format("the test server {}{}", ending->text(),
                     upstream_ ? "" : " before it connected");
}

void Daemon::fail_open_tests(const std::string& why) {
  const std::string last_output = capture_.last_output();
  subunit::Buffer packets;
  for (const std::string& test : upstream_->open_tests().ids()) {
    const std::string reason =
        fmt::format("{} while this test was in progress\n{}", why, last_output);
    encode_failure(test, std::nullopt, wall_clock(), reason, packets);
  }
  to_client_.send(packets);
}

void Daemon::finish_if_possible() {
  if (phase_ != Phase::kFlushing) return;
  if (command_.running() || command_.group_alive()) return flush_timer_.start(kGroupPoll);
  if (!to_client_.over()) return;  // progress or failure comes back here
  client_watch_.stop();
  enter(Phase::kOver);
}

}  // namespace proxy
