#include "proxy/channel/channel.h"

#include <utility>

#include "common/base/text.h"

namespace proxy {

using std::chrono::milliseconds;
using std::chrono::seconds;
using subunit::Bytes;
using subunit::Packet;
using subunit::Result;

namespace {

// A process that the command left behind may hold its stdout open, and is not waited for.
constexpr auto kLeftoverTimeout = seconds(1);
// A command that has closed its stdout has nothing more to say, but may have to clean up. One that
// is a console goes on when the link over it is closed.
constexpr auto kCommandTimeout = seconds(3);
constexpr auto kGrace = seconds(5);  // between TERM and KILL

// For the command to pass on that we hang up, since a serial line does not tell.
constexpr auto kLastWords = milliseconds(200);

// Who speaks first to something that waits for him would wait for ever.
constexpr auto kHeldTimeout = seconds(10);

/// For people. What it reaches stands in it somewhere.
std::string text_of(const std::vector<std::string>& command) {
  constexpr std::size_t kMax = 100;
  std::string words;
  for (const std::string& word : command) words += (words.empty() ? "" : " ") + word;
  return subunit::escaped(words, kMax);
}

}  // namespace

Channel::Channel(uv_loop_t& loop, const LineOptions& options, Events events, const Log& log)
    : loop_(loop),
      options_(options),
      events_(std::move(events)),
      log_(log),
      command_(loop, [this](const Ending&) { check_end(); }),
      end_timer_(loop, [this] { end_overdue(); }),
      last_words_timer_(loop, [this] { end_command(); }),
      held_timer_(loop, [this] { held_for_long(); }),
      preparation_(loop, options,
                   {.type = [this](std::string_view text) { relay_->type(text); },
                    .noise = [this](Bytes bytes) { from_server_.feed(bytes); },
                    .send = [this](Bytes bytes) { transmit(bytes); },
                    .congested = [this] { return line_congested(); },
                    .preparing = [this] { events_.preparing(); },
                    .started =
                        [this] {
                          if (options_.link.mode == LinkMode::kArmour) open_link();
                        },
                    .files_arrived = [this] { files_arrived(); },
                    .failed = [this] { hang_up(kGrace); }},
                   log),
      from_server_(loop, {.packet = [this](const Packet& packet) { receive(packet); },
                          .noise = [this](Bytes bytes) { receive_between(bytes); },
                          .batch = [this] { batch_over(); },
                          .ended = [this](const Result<>&) { packets_ended(); }}) {}

// How it starts.

Result<> Channel::start(const std::vector<std::string>& words) {
  const auto command = prepare(words);
  if (!command) return tl::unexpected(command.error());
  auto line = start_on_line(command_, *command, options_);
  if (!line) return tl::unexpected(line.error());
  from_server_.resume();
  if (options_.link.mode == LinkMode::kRaw && !options_.push) {
    open_raw(std::move(*line));
  } else {
    listen(std::move(*line));
  }
  return {};
}

/// Returns the command to run.
Result<std::vector<std::string>> Channel::prepare(const std::vector<std::string>& words) {
  if (!options_.push) {
    program_ = subunit::escaped(words.front());
    return words;
  }
  auto plan = PushPlan::make(*options_.push, words);
  if (!plan) return tl::unexpected(plan.error());
  std::vector<std::string> command = plan->channel;
  program_ = text_of(command);
  preparation_.bring(std::move(*plan), program_);
  return command;
}

void Channel::open_raw(LineEnds line) {
  line_ = Line::kRaw;
  from_server_.attach(std::move(line.in));
  set_writer(std::move(line.out));
}

void Channel::listen(LineEnds line) {
  const bool only_armour = options_.link.mode == LinkMode::kArmour;
  relay_.emplace(
      loop_, std::move(line.in), std::move(line.out),
      subunit::link::LinkOptions{.sends = subunit::link::Frame::Direction::kToServe,
                                 .nonce = random_nonce(),
                                 .bytes_per_second = options_.link.bytes_per_second.value_or(0),
                                 .may_upgrade = !only_armour},
      LinkRelay::Events{.arrived = [this](Bytes bytes) { preparation_.read(bytes); },
                        .noise = [this](Bytes bytes) { receive_printed(bytes); },
                        .turned = [this] { turned(); },
                        .opened = [this] { link_opened(); },
                        .echoed = [this](bool here) { warn_of_echo(here); },
                        .ended = [this] { link_ended(); },
                        .line_ended = [this] { line_ended(); }});
  relay_->listen();
  if (only_armour && !options_.push) open_link();
  preparation_.type();
}

void Channel::open_link() {
  line_ = Line::kLink;
  from_server_.set_stall_timeout(kLinkStall);
  auto payload = relay_->connect();
  if (!payload) {
    log_.error("{}", payload.error().text);
    return hang_up(kGrace);
  }
  from_server_.attach(std::move(payload->in));
  set_writer(std::move(payload->out));
}

void Channel::set_writer(Fd fd) {
  // If nobody reads what we send, the other direction tells why.
  to_server_.emplace(loop_, std::move(fd),
                     Writer::Events{.progress = [this] { transmitted(); },
                                    .failed = [](const subunit::Error&) {}});
  if (from_server_.skipped_line_feed()) to_server_->end_lines();
  to_server_->send(std::exchange(held_, {}));
  if (finished_ && !preparation_.bringing_files()) to_server_->finish();
  held_timer_.stop();
  transmitted();
}

void Channel::transmitted() {
  preparation_.feed();
  events_.sent();
}

void Channel::files_arrived() {
  if (finished_ && to_server_) to_server_->finish();
}

void Channel::link_opened() {
  preparation_.stop_script();
  preparation_.stop_push();  // that `serve` was started may have been lost on its way
  if (line_ != Line::kUnknown || packet_seen_) return;
  from_server_.start_afresh();
  open_link();
}

/// After each read from a line that may have a link.
void Channel::turned() {
  preparation_.type();
  preparation_.note_unsent(relay_->unsent());
  if (line_ == Line::kLink && relay_->over() && !end_timer_.running()) check_end();
  if (line_ != Line::kUnknown || !packet_seen_ || relay_->line_ended()) return;
  preparation_.stop_script();
  auto [in, out] = relay_->release();
  if (!from_server_.closed()) open_raw({std::move(in), std::move(out)});
}

// What comes and goes.

void Channel::receive(const Packet& packet) {
  packet_seen_ = true;
  preparation_.proxy_found();
  const auto about_files = preparation_.message_in(packet);
  if (!about_files) {
    release_line_feed();
    return events_.packet(packet);
  }
  expect_packets();
  expect_line_feeds();
  preparation_.receive(*about_files);
}

/// Noise between packets. Over a link, the line feed that the proxy begins with is not part of what
/// the console prints: it is kept until Ready, whatever comes in between.
void Channel::receive_between(Bytes bytes) {
  if (line_ == Line::kLink && !packet_seen_) {
    release_line_feed();
    line_feed_held_ = bytes.back() == '\n';
    if (line_feed_held_) bytes = bytes.first(bytes.size() - 1);
  }
  if (!bytes.empty()) receive_noise(bytes);
}

void Channel::release_line_feed() {
  if (std::exchange(line_feed_held_, false)) receive_noise(subunit::as_bytes("\n"));
}

void Channel::receive_printed(Bytes bytes) {
  if (preparation_.pushing()) return preparation_.receive(bytes);
  line_ == Line::kUnknown ? from_server_.feed(bytes) : receive_noise(bytes);
  preparation_.watch(bytes);
}

void Channel::receive_noise(Bytes bytes) {
  if (flow_) return events_.noise(bytes);
  subunit::append(held_noise_, bytes);
  if (held_noise_.size() > kMaxHeldNoise) relay_->set_flow(false);
}

void Channel::send(Bytes bytes) {
  preparation_.bringing_files() ? preparation_.hold(bytes) : transmit(bytes);
}

void Channel::transmit(Bytes bytes) {
  if (to_server_) return to_server_->send(bytes);
  if (held_.empty()) held_timer_.start(kHeldTimeout);
  subunit::append(held_, bytes);
}

void Channel::catch_up() {
  if (line_ != Line::kRaw && relay_) relay_->catch_up();
  from_server_.catch_up();
}

void Channel::batch_over() {
  if (to_server_ && from_server_.skipped_line_feed()) to_server_->end_lines();
  events_.batch();
}

void Channel::finish() {
  finished_ = true;
  if (preparation_.bringing_files()) return;
  if (to_server_) return to_server_->finish();
  held_timer_.start(kHeldTimeout);
}

void Channel::set_flow(bool on) {
  flow_ = on;
  on ? from_server_.resume() : from_server_.pause();
  if (line_ == Line::kRaw) return;
  if (on || line_ == Line::kUnknown) relay_->set_flow(on);
  if (on && !held_noise_.empty()) events_.noise(std::exchange(held_noise_, {}));
}

/// The other end has not shown for a long time what it speaks. If there is nothing to say, and a
/// pipe that can say that, it is told.
void Channel::held_for_long() {
  if (const auto awaited = preparation_.awaited_on_console())
    return log_.warning("still waiting {}", *awaited);
  if (held_.empty() && !options_.pty) return relay_->finish_line();
  log_.warning(
      "holding back what the client sends: it is not known yet whether \"{}\" uses the console "
      "link (use --link raw if it does not)",
      program_);
}

void Channel::warn_of_echo(bool here) {
  log_.warning("the line of \"{}\" echoes what is sent {}, which slows the console link down",
               program_, here ? "to us" : "by us");
}

// The end.

void Channel::hang_up(subunit::Time grace) {
  preparation_.stop_push();
  if (to_server_) to_server_->close();
  from_server_.close();
  grace_ = grace;
  if (line_ == Line::kLink && relay_->opened() && !relay_->over()) {
    relay_->abandon("the client has hung up");
    last_words_timer_.start(kLastWords);
  } else {
    end_command();
  }
  check_end();
}

void Channel::end_command() {
  if (relay_) relay_->close();
  command_.terminate(*grace_);
  check_end();
}

/// The other end has said all that it had to say.
void Channel::packets_ended() {
  release_line_feed();
  if (line_ == Line::kLink) to_server_->finish();
  check_end();
}

void Channel::link_ended() {
  relay_->finish_line();
  // Where the line has ended, the command ends by itself, and its status may say why.
  if (!relay_->problem().empty() && relay_->line_open()) terminate();
  check_end();
}

void Channel::line_ended() {
  if (line_ == Line::kUnknown) from_server_.cut_off();
  check_end();
}

void Channel::check_end() {
  if (ended_) return;
  const bool line_open = line_ != Line::kRaw && relay_ && relay_->line_open();
  if (command_.running() && line_open && line_ == Line::kLink && !relay_->over()) return;
  if (command_.running() || !from_server_.closed() || line_open) {
    return end_timer_.start(command_.running() ? kCommandTimeout : kLeftoverTimeout);
  }
  ended_ = true;
  end_timer_.stop();
  held_timer_.stop();
  last_words_timer_.stop();
  if (line_ == Line::kLink) log_.info("\"{}\": {}", program_, relay_->statistics());
  events_.ended();
}

void Channel::end_overdue() {
  if (command_.running()) return terminate();
  if (!flow_) return end_timer_.start(kLeftoverTimeout);
  if (relay_) relay_->close();
  from_server_.closed() ? check_end() : from_server_.cut_off();
}

/// It has nothing more to do.
void Channel::terminate() {
  terminated_ = command_.running();
  command_.terminate(kGrace);
}

bool Channel::ended_well() const {
  const bool on_link = line_ == Line::kLink;
  if (!preparation_.problem().empty()) return false;
  if (on_link && !relay_->problem().empty()) return false;
  return command_.ending()->exit == 0 || (on_link && terminated_);
}

std::string Channel::end_text() const {
  if (!preparation_.problem().empty()) return preparation_.problem();
  std::string ending = fmt::format("\"{}\" {}", program_, command_.ending()->text());
  if (line_ != Line::kLink) return ending;
  std::string dead = "the console link is dead: " + relay_->problem();
  if (!relay_->problem().empty()) return terminated_ ? dead : fmt::format("{}; {}", dead, ending);
  return terminated_ ? "the other end has closed the console link" : ending;
}

std::string Channel::awaited() const {
  if (!preparation_.pushing() || !relay_->hears_another_session()) {
    if (const auto awaited = preparation_.awaited()) return *awaited;
  }
  std::string ready = "for the proxy to send Ready";
  if (line_ == Line::kRaw) return ready;
  if (relay_->opened()) return ready + ": the console link is there, but no Ready has come over it";
  if (relay_->heard_hello())
    return ready +
           ": it sends hello over the console link, but does not seem to receive our answer";
  if (relay_->hears_another_session())
    return ready +
           ": a proxy is there, but speaks to another client over the console link; if that one "
           "was killed, the proxy ends within half a minute";
  return line_ == Line::kLink ? ready + ": no hello has come over the console link" : ready;
}

}  // namespace proxy
