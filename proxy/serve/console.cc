#include "proxy/serve/console.h"

#include <csignal>
#include <cstring>

#include "common/base/text.h"
#include "proxy/terminal/terminal.h"

namespace proxy {

using std::chrono::seconds;
using subunit::Bytes;
using subunit::Result;

namespace {

// Somebody may set a terminal's mode while we use it: a login that ends late, a person. Until that
// is noticed the line is slow, or stands.
constexpr auto kLookInterval = seconds(2);

// After a signal, for the link to carry what was said last.
constexpr auto kFarewellTimeout = seconds(2);

// Beyond the grace period of servers, for a daemon that has to end.
constexpr auto kEndTimeout = seconds(3);

constexpr std::size_t kMaxShown = 80;

int number_of(std::string_view name) {
  for (const int signal : {SIGINT, SIGHUP, SIGQUIT})
    if (name == std::string("SIG") + ::sigabbrev_np(signal)) return signal;
  return SIGTERM;
}

/// Nothing where there is no terminal, or, after a warning, where it cannot be changed.
std::optional<RawMode> enter_raw_mode(int fd, const Log& log) {
  if (!::isatty(fd)) return std::nullopt;
  auto mode = RawMode::enter(fd);
  if (mode) return std::move(*mode);
  log.warning("{}", mode.error().text);
  return std::nullopt;
}

bool is_raw(int fd, const std::optional<RawMode>& mode) {
  return mode || !::isatty(fd);
}

subunit::link::LinkOptions link_options(const LinkSettings& settings, int out, bool raw) {
  return {.sends = subunit::link::Frame::Direction::kToClient,
          .nonce = random_nonce(),
          .bytes_per_second = settings.bytes_per_second.value_or(line_rate(out).value_or(0)),
          .may_upgrade = settings.mode != LinkMode::kArmour,
          .raw = raw};
}

}  // namespace

Console::Console(uv_loop_t& loop, const LinkSettings& settings, Fd in, Fd out,
                 DaemonProcess& daemon, subunit::Time grace, const Log& log)
    : log_(log),
      daemon_(daemon),
      grace_(grace),
      in_mode_(enter_raw_mode(in.get(), log)),
      out_mode_(is_same_terminal(in.get(), out.get()) ? std::nullopt
                                                      : enter_raw_mode(out.get(), log)),
      relay_(loop, duplicate(in.get()), duplicate(out.get()),
             link_options(settings, out.get(),
                          is_raw(in.get(), in_mode_) && (in_mode_ || is_raw(out.get(), out_mode_))),
             {.noise =
                  [this](Bytes bytes) {
                    log_.debug("{} bytes on the line are not part of a frame: \"{}\"", bytes.size(),
                               subunit::escaped(bytes, kMaxShown));
                  },
              .turned = [this] { daemon_.set_idle(relay_.idle()); },
              .opened = [this] { log_.debug("a client answers over the console link"); },
              .echoed = [this](bool here) { warn_of_echo(here); },
              .ended =
                  [this] {
                    if (!relay_.problem().empty())
                      log_.warning("the console link is dead: {}", relay_.problem());
                    // It sees that the client is gone.
                    kill_timer_.start(grace_ + kEndTimeout);
                  },
              .line_ended = [] {}}),
      signals_(
          loop, [this](const char* name) { signalled(name); }, StopSignals::Which::kAndQuit),
      // A shell that had the terminal meanwhile has set a mode of its own.
      continued_(loop, SIGCONT, [this] { reapply(); }),
      child_signal_(loop, SIGCHLD, [this] { finish_after_daemon(); }),
      look_timer_(loop, [this] { look(); }),
      farewell_timer_(loop, [this] { relay_.abandon("the proxy was ended by a signal"); }),
      kill_timer_(loop, [this] { daemon_.send(SIGKILL); }) {
  relay_.listen();
  relay_.connect(daemon_.take_payload());
  if (in_mode_ || out_mode_) look_timer_.start(kLookInterval);
  finish_after_daemon();  // it may have ended before its signal was watched
}

/// All is said, and waits in the channel. It ends as the link does, or at once if there is none.
void Console::finish_after_daemon() {
  if (finishing_ || !daemon_.ended()) return;
  finishing_ = true;
  kill_timer_.stop();
  if (!relay_.opened() || signals_seen_ > 1) return relay_.abandon("the proxy has ended");
  if (signals_seen_ > 0) farewell_timer_.start(kFarewellTimeout);
}

/// The first one is for the orderly end, as the Daemon sees it. The link has its part in that.
void Console::signalled(std::string_view name) {
  ++signals_seen_;
  daemon_.send(number_of(name));
  // The first one asks it for an orderly end, the second for an end. It may not listen.
  kill_timer_.start(signals_seen_ == 1 ? grace_ + kEndTimeout : kFarewellTimeout);
  if (finishing_) relay_.abandon(fmt::format("the proxy was ended by {}", name));
}

void Console::look() {
  reapply();
  look_timer_.start(kLookInterval);
}

void Console::reapply() {
  bool changed = in_mode_ && in_mode_->reapply();
  changed |= out_mode_ && out_mode_->reapply();
  if (changed)
    log_.warning("another program changed the terminal's mode; it has been set back to raw");
}

void Console::warn_of_echo(bool here) {
  if (here) {
    log_.warning("the terminal echoes what the client sends");
    reapply();
  } else {
    log_.warning("the line echoes what is sent to the client");
  }
}

void Console::leave() {
  const std::string statistics = relay_.statistics();
  relay_.close();
  look_timer_.stop();
  farewell_timer_.stop();
  kill_timer_.stop();
  if (out_mode_) out_mode_->restore();
  if (in_mode_) in_mode_->restore();
  out_mode_.reset();
  in_mode_.reset();
  log_.info("{}", statistics);
}

}  // namespace proxy
