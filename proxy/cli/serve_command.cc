#include <fcntl.h>
#include <fmt/format.h>

#include "proxy/cli/subcommand.h"
#include "proxy/cli/test_command.h"

namespace proxy {
namespace {

constexpr Subcommand::Text kText{
    "serve", "on the test machine: relay between stdin/stdout and a test server",
    R"(Usage:
  subunit-proxy serve [OPTIONS] [--listen ADDR] -- COMMAND...
      listen, start COMMAND, and wait until it dials in
  subunit-proxy serve [OPTIONS] [--listen ADDR] --test-command TEMPLATE
      for suites that have no server: run TEMPLATE for each list and each run
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

TEMPLATE is a shell command that writes subunit, as testr has it in .testr.conf. In it, $LISTOPT
becomes the list option where tests are to be listed; where some are to run, $IDOPTION becomes the
id option, $IDFILE a file with their ids, one a line, and $IDLIST their ids as words.

Exit status: 0 the server ended after a Goodbye, 2 bad usage, 3 anything else.

Examples, to be started by a client at the other end of ssh:
  subunit-proxy serve -- python3 -m subunit_rpc discover -s tests
  subunit-proxy serve --test-command 'python3 -m subunit.run $LISTOPT $IDOPTION mytests'
)"};

CLI::Option* add_endpoint(CLI::App& app, const std::string& name, std::optional<Endpoint>& value,
                          const std::string& help) {
  const auto store = [&value](const std::string& text) {
    auto endpoint = Endpoint::parse(text);
    if (!endpoint) throw CLI::ValidationError(endpoint.error().text);
    value = *endpoint;
  };
  return app.add_option_function<std::string>(name, store, help)->option_text("ADDR");
}

class ServeCommand : public Subcommand {
 public:
  explicit ServeCommand(CLI::App& parent) : Subcommand(parent, kText) {
    add_endpoint(app_, "--connect", options_.connect, "where a test server listens");
    add_endpoint(app_, "--listen", options_.listen,
                 "where the test server dials in (127.0.0.1:0, a free port)")
        ->excludes("--connect");
    app_.add_option("--test-command", test_command_.command,
                    "run this command for each list and each run")
        ->option_text("TEMPLATE")
        ->excludes("--connect");
    add_test_command_options(app_, test_command_);
    for (const char* name : {"--list-option", "--id-option"})
      app_.get_option(name)->needs("--test-command");
    add_seconds(app_, "--attach-timeout", options_.attach_timeout,
                "how long to wait for a test server");
    add_seconds(app_, "--grace", options_.grace, "between TERM and KILL, when a server has to end");
    app_.add_flag("--any-owner", options_.any_owner,
                  "also use a server that belongs to another user");
    app_.add_option("--ready-fd", options_.ready_fd,
                    "write \"READY ADDR\" to this descriptor and close it")
        ->option_text("N")
        ->check(CLI::Range(3, 1 << 20));
  }

  Action action(std::vector<std::string> command) override {
    options_.command = std::move(command);
    if (!test_command_.command.empty()) {
      if (!options_.command.empty())
        throw CLI::ValidationError("--test-command takes the place of a COMMAND behind --");
      (void)parse_test_command(test_command_);
      options_.command = command_server_words(test_command_, options_.grace);
    }
    if (options_.command.empty() && !options_.connect && !options_.listen)
      throw CLI::ValidationError("serve needs a COMMAND behind --, or --connect or --listen");
    if (options_.connect && options_.connect->any_port())
      throw CLI::ValidationError("--connect needs the port of a test server, which is never 0");
    if (options_.ready_fd && ::fcntl(*options_.ready_fd, F_GETFD) < 0) {
      throw CLI::ValidationError(
          fmt::format("--ready-fd {}: no such descriptor is open", *options_.ready_fd));
    }
    if (!options_.connect && !options_.listen)
      options_.listen = Endpoint::parse("127.0.0.1:0").value();
    return options_;
  }

 private:
  ServeOptions options_;
  subunit::CommandTemplate::Text test_command_;
};

}  // namespace

std::unique_ptr<Subcommand> make_serve_command(CLI::App& parent) {
  return std::make_unique<ServeCommand>(parent);
}

}  // namespace proxy
