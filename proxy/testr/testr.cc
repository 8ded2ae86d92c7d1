#include "proxy/testr/testr.h"

#include "proxy/run/run.h"
#include "proxy/testr/channel_list.h"

namespace proxy {

int testr(const TestrOptions& options, const Log& log) {
  auto channels = read_server_commands(options.config);
  if (!channels) {
    log.error("{}", channels.error().text);
    return 3;
  }
  RunOptions run_options = options.run;
  run_options.channels = std::move(*channels);
  run_options.format = Format::kSubunit;
  run_options.suite_order = true;
  run_options.verdict = subunit::run::Verdict::kOfStream;
  return run(run_options, log) == 0 ? 0 : 3;
}

}  // namespace proxy
