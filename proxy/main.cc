#include <csignal>

#include "proxy/cli.h"
#include "proxy/serve/serve.h"

int main(int argc, char** argv) {
  // Writing to a reader that is gone is an error like any other here. Commands that are started get
  // the signal's usual effect back.
  std::signal(SIGPIPE, SIG_IGN);

  const proxy::CommandLine line = proxy::parse_command_line(argc, argv);
  const proxy::Log log(line.log_level);
  if (line.serve) return proxy::serve(*line.serve, log);
  return line.exit_status;
}
