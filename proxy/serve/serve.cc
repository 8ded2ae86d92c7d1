#include "proxy/serve/serve.h"

#include "proxy/io/handle.h"
#include "proxy/posix/stdio.h"
#include "proxy/serve/console.h"
#include "proxy/serve/daemon.h"

namespace proxy {
namespace {

int serve_over(Fd in, Fd out, Loop& loop, const ServeOptions& options, const Log& log,
               std::function<bool()> idle = nullptr) {
  Daemon daemon(loop.get(), options, std::move(in), std::move(out), log, std::move(idle));
  if (const auto started = daemon.start(); !started) {
    log.error("{}", started.error().text);
    return 3;
  }
  loop.run_until([&daemon] { return daemon.over(); });
  return daemon.exit_status();
}

int serve_on_console(Fd in, Fd out, const ServeOptions& options, const Log& log) {
  Loop loop;
  Console console(loop.get(), options.link, std::move(in), std::move(out), log);
  auto payload = console.connect();
  if (!payload) {
    log.error("{}", payload.error().text);
    return 3;
  }
  const int status = serve_over(std::move(payload->in), std::move(payload->out), loop, options, log,
                                [&console] { return console.idle(); });
  console.finish();
  loop.run_until([&console] { return console.over(); });
  console.leave();
  return status;
}

}  // namespace

int serve(const ServeOptions& options, const Log& log) {
  const bool has_terminal = ::isatty(STDIN_FILENO) && ::isatty(STDOUT_FILENO);
  const auto in = PrivateStream::take_stdin();
  const auto out = PrivateStream::take_stdout();
  for (const auto* stream : {&in, &out}) {
    if (*stream) continue;
    log.error("{}", stream->error().text);
    return 3;
  }
  const LinkMode mode = options.link.mode;
  if (mode == LinkMode::kArmour || (mode == LinkMode::kAuto && has_terminal))
    return serve_on_console(in->duplicate(), out->duplicate(), options, log);
  Loop loop;
  return serve_over(in->duplicate(), out->duplicate(), loop, options, log);
}

}  // namespace proxy
