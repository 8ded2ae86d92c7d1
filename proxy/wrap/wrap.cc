#include "proxy/wrap/wrap.h"

#include <csignal>

#include "proxy/io/handle.h"
#include "proxy/posix/stdio.h"
#include "proxy/wrap/wrapped_command.h"

namespace proxy {

using std::chrono::seconds;
using subunit::Result;

namespace {

constexpr int kOutputLost = 74;  // EX_IOERR of sysexits(3)

constexpr auto kGrace = seconds(5);  // between TERM and KILL
// After a signal, beyond that: for what the command left behind, and for the reader of the stream.
constexpr auto kEndTimeout = seconds(2);

class Wrapper {
 public:
  Wrapper(uv_loop_t& loop, const PrivateStream& out, const Log& log)
      : log_(log),
        to_client_(loop, out.duplicate(),
                   {.progress = [this] { command_.regulate(); },
                    .failed = [this](const subunit::Error& error) { output_failed(error); }}),
        command_(loop, to_client_, log,
                 {.ended =
                      [this](const Ending&) {
                        ended_ = true;
                        to_client_.finish();
                      }}),
        // The command shares our terminal and gets ^C by itself. What it makes of that is the
        // result to pass on.
        interrupt_(loop, SIGINT,
                   [this] {
                     if (!command_.running()) end_timer_.start(kEndTimeout);
                   }),
        terminate_(loop, SIGTERM, [this] { signalled(); }),
        hangup_(loop, SIGHUP, [this] { signalled(); }),
        end_timer_(loop, [this] { abandon(); }) {}

  Result<> start(const WrapOptions& options) { return command_.start({.words = options.command}); }

  [[nodiscard]] bool over() const { return ended_ && to_client_.over(); }

  [[nodiscard]] int exit_status() const {
    if (output_lost_) return kOutputLost;
    const Ending& ending = *command_.ending();
    return ending.signal ? 128 + *ending.signal : *ending.exit;
  }

 private:
  void output_failed(const subunit::Error& error) {
    log_.error("cannot write the stream to stdout: {}", error.text);
    output_lost_ = true;
    command_.terminate(kGrace);
    command_.stop_reading();
  }

  void signalled() {
    if (!command_.running()) return abandon();
    command_.terminate(kGrace);
    if (!end_timer_.running()) end_timer_.start(kGrace + kEndTimeout);
  }

  /// Nobody waits for the rest.
  void abandon() {
    log_.error("the stream was cut off by a signal");
    output_lost_ = true;
    to_client_.close();
    command_.stop_reading();
  }

  const Log& log_;
  Writer to_client_;
  WrappedCommand command_;
  SignalWatch interrupt_;
  SignalWatch terminate_;
  SignalWatch hangup_;
  Timer end_timer_;
  bool ended_ = false;
  bool output_lost_ = false;
};

}  // namespace

int wrap(const WrapOptions& options, const Log& log) {
  const auto out = PrivateStream::take_stdout();
  if (!out) {
    log.error("{}", out.error().text);
    return kWrapCannotStart;
  }
  Loop loop;
  Wrapper wrapper(loop.get(), *out, log);
  if (const auto started = wrapper.start(options); !started) {
    log.error("{}", started.error().text);
    return kWrapCannotStart;
  }
  loop.run_until([&wrapper] { return wrapper.over(); });
  return wrapper.exit_status();
}

}  // namespace proxy
