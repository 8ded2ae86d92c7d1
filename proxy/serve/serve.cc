#include "proxy/serve/serve.h"

#include "proxy/io/loop.h"
#include "proxy/serve/daemon.h"

namespace proxy {

int serve(const ServeOptions& options, const Log& log) {
  const auto in = PrivateStream::take_stdin();
  const auto out = PrivateStream::take_stdout();
  for (const auto* stream : {&in, &out}) {
    if (*stream) continue;
    log.error("{}", stream->error().text);
    return 3;
  }
  Loop loop;
  Daemon daemon(loop.get(), options, *in, *out, log);
  if (const auto started = daemon.start(); !started) {
    log.error("{}", started.error().text);
    return 3;
  }
  loop.run_until([&daemon] { return daemon.over(); });
  return daemon.exit_status();
}

}  // namespace proxy
