#include "proxy/cli/subcommand.h"

namespace proxy {
namespace {

constexpr Subcommand::Text kText{
    "serve", "on the test machine: relay between stdin/stdout and a test server",
    R"(Usage:
  subunit-proxy serve [OPTIONS] [--listen ADDR] -- COMMAND...
      listen, start COMMAND, and wait until it dials in
  subunit-proxy serve [OPTIONS] --connect ADDR -- COMMAND...
      start COMMAND, then connect to ADDR, again and again until it listens there
  subunit-proxy serve [OPTIONS] --connect ADDR
      connect to a test server that listens already
  subunit-proxy serve [OPTIONS] --listen ADDR
      listen; somebody else starts the test server
)",
    R"(ADDR is HOST:PORT, a bare PORT on the loopback interface, or unix:PATH.

COMMAND finds the address in SUBUNIT_RPC_ADDRESS and, as its proof of identity, a token in
SUBUNIT_RPC_TOKEN. What it and its children print is captured and sent as attachments of the test
that was running.

Exit status: 0 the server ended after a Goodbye, 2 bad usage, 3 anything else.

Example, to be started by a client at the other end of ssh:
  subunit-proxy serve -- python3 -m subunit_rpc discover -s tests
)"};

class ServeCommand : public Subcommand {
 public:
  explicit ServeCommand(CLI::App& parent) : Subcommand(parent, kText) {
    add_endpoint(app_, "--connect", options_.connect, "where a test server listens");
    add_endpoint(app_, "--listen", options_.listen,
                 "where the test server dials in (127.0.0.1:0, a free port)")
        ->excludes("--connect");
    add_seconds(app_, "--attach-timeout", options_.attach_timeout,
                "how long to wait for a test server");
    add_seconds(app_, "--grace", options_.grace, "between TERM and KILL, when a server has to end");
    app_.add_flag("--any-owner", options_.any_owner,
                  "also use a server that belongs to another user");
    add_ready_fd(app_, options_.ready_fd);
  }

  Action action(std::vector<std::string> command) override {
    options_.command = std::move(command);
    if (options_.command.empty() && !options_.connect && !options_.listen)
      throw CLI::ValidationError("serve needs a COMMAND behind --, or --connect or --listen");
    if (options_.connect && options_.connect->any_port())
      throw CLI::ValidationError("--connect needs the port of a test server, which is never 0");
    if (!options_.connect && !options_.listen)
      options_.listen = Endpoint::parse("127.0.0.1:0").value();
    return options_;
  }

 private:
  ServeOptions options_;
};

}  // namespace

std::unique_ptr<Subcommand> make_serve_command(CLI::App& parent) {
  return std::make_unique<ServeCommand>(parent);
}

}  // namespace proxy
