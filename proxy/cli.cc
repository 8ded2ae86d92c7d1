#include "proxy/cli.h"

#include <CLI/CLI.hpp>

namespace proxy {

CommandLine parse_command_line(int argc, char** argv) {
  CommandLine line;
  CLI::App app("Test results over channels", "subunit-proxy");
  ServeOptions serve;
  CLI::App* s = app.add_subcommand("serve", "x");
  s->add_option("--connect", serve.connect);
  s->add_option("--listen", serve.listen);
  s->add_option("command", serve.command);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    app.exit(e);
    return line;
  }
  line.serve = serve;
  return line;
}

}  // namespace proxy
