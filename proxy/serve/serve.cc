#include "proxy/serve/serve.h"

#include <unistd.h>

#include "proxy/io/handle.h"
#include "proxy/posix/stdio.h"
#include "proxy/serve/console.h"
#include "proxy/serve/daemon.h"

namespace proxy {
namespace {

int serve_over(Fd in, Fd out, const ServeOptions& options, const Log& log,
               std::function<bool()> idle = nullptr) {
  Loop loop;
  Daemon daemon(loop.get(), options, std::move(in), std::move(out), log, std::move(idle));
  if (const auto started = daemon.start(); !started) {
    log.error("{}", started.error().text);
    return 3;
  }
  loop.run_until([&daemon] { return daemon.over(); });
  return daemon.exit_status();
}

int carry_over_line(const ServeOptions& options, DaemonProcess& daemon, const Log& log) {
  const auto in = PrivateStream::take_stdin();
  const auto out = PrivateStream::take_stdout();
  for (const auto* stream : {&in, &out}) {
    if (*stream) continue;
    log.error("{}", stream->error().text);
    return 3;
  }
  Loop loop;
  Console console(loop.get(), options.link, in->duplicate(), out->duplicate(), daemon,
                  options.grace, log);
  loop.run_until([&console] { return console.over(); });
  console.leave();
  return 0;
}

int serve_on_console(const ServeOptions& options, const Log& log) {
  auto daemon = DaemonProcess::fork();
  if (!daemon) {
    log.error("{}", daemon.error().text);
    return 3;
  }
  if (daemon->inside()) {
    auto [in, out] = daemon->take_payload();
    return serve_over(std::move(in), std::move(out), options, log,
                      [&daemon] { return daemon->idle(); });
  }
  if (options.ready_fd) ::close(*options.ready_fd);
  // If it cannot start, the terminal is left alone.
  if (daemon->wait_for_word()) {
    // A service manager knows this process.
    if (const auto notified = notify_service_manager(); !notified)
      log.warning("{}", notified.error().text);
    if (const int failed = carry_over_line(options, *daemon, log)) return failed;
  }
  const Ending ending = daemon->wait();
  if (ending.signal) log.error("the process that served the test servers {}", ending.text());
  return ending.exit.value_or(3);
}

}  // namespace

int serve(const ServeOptions& options, const Log& log) {
  // In a tree, once that is there.
  const auto entered = options.tree ? subunit::Result<>() : options.surroundings.enter();
  if (!entered) {
    log.error("{}", entered.error().text);
    return 3;
  }
  const bool has_terminal = ::isatty(STDIN_FILENO) && ::isatty(STDOUT_FILENO);
  const LinkMode mode = options.link.mode;
  if (mode == LinkMode::kArmour || (mode == LinkMode::kAuto && has_terminal))
    return serve_on_console(options, log);
  const auto in = PrivateStream::take_stdin();
  const auto out = PrivateStream::take_stdout();
  for (const auto* stream : {&in, &out}) {
    if (*stream) continue;
    log.error("{}", stream->error().text);
    return 3;
  }
  return serve_over(in->duplicate(), out->duplicate(), options, log);
}

}  // namespace proxy
