#include <fmt/core.h>

#include <algorithm>
#include <tuple>

#include "proxy/cli/line_options.h"
#include "proxy/cli/subcommand.h"
#include "proxy/cli/test_command.h"

namespace proxy {
namespace {

constexpr Subcommand::Text kText{
    "serve", "on the test machine: relay between stdin/stdout and test servers",
    R"(Usage:
  subunit-proxy serve [OPTIONS] [--listen ADDR] [--workers N] -- COMMAND...
      listen, start COMMAND, or N of it, and wait until it dials in
  subunit-proxy serve [OPTIONS] [--listen ADDR] [--workers N] --test-command TEMPLATE
      for suites that have no server: run TEMPLATE for each list and each run
  subunit-proxy serve [OPTIONS] --connect ADDR -- COMMAND...
      start COMMAND, then connect to ADDR, again and again until it listens there
  subunit-proxy serve [OPTIONS] --connect ADDR [--connect ADDR...]
      connect to test servers that listen already
  subunit-proxy serve [OPTIONS] --listen ADDR [--max-servers N]
      listen; somebody else starts the test servers
)",
    R"(ADDR is HOST:PORT, a bare PORT on the loopback interface, or unix:PATH.

COMMAND finds the address in SUBUNIT_RPC_ADDRESS and, as its proof of identity, a token in
SUBUNIT_RPC_TOKEN. What it and its children print is captured and sent as attachments of the test
that was running. Of several servers, each finds its number in SUBUNIT_RPC_WORKER, and its packets
have that number as route code.

TEMPLATE is a shell command that writes subunit, as testr has it in .testr.conf. In it, $LISTOPT
becomes the list option where tests are to be listed; where some are to run, $IDOPTION becomes the
id option, $IDFILE a file with their ids, one a line, and $IDLIST their ids as words.

A terminal is put into raw mode, and carries printable characters only; the client recognises that.

Exit status: 0 the servers ended after a Goodbye, 2 bad usage, 3 anything else.

Examples, to be started by a client at the other end of ssh:
  subunit-proxy serve -- python3 -m subunit_rpc discover -s tests
  subunit-proxy serve --test-command 'python3 -m subunit.run $LISTOPT $IDOPTION mytests'
)"};

class ServeCommand : public Subcommand {
 public:
  explicit ServeCommand(CLI::App& parent) : Subcommand(parent, kText) {
    app_.add_option_function<std::vector<std::string>>(
            "--connect",
            [this](const std::vector<std::string>& texts) {
              for (const std::string& text : texts) options_.connect.push_back(endpoint_of(text));
            },
            "where a test server listens; may be repeated")
        ->option_text("ADDR")
        ->allow_extra_args(false);
    app_.add_option_function<std::string>(
            "--listen", [this](const std::string& text) { options_.listen = endpoint_of(text); },
            "where test servers dial in (127.0.0.1:0, a free port)")
        ->option_text("ADDR")
        ->excludes("--connect");
    workers_ = app_.add_option("--workers", options_.workers, "how many servers to start (1)")
                   ->option_text("N")
                   ->check(CLI::Range(1, kMaxServers));
    max_servers_ = app_.add_option("--max-servers", options_.max_servers,
                                   fmt::format("how many may dial in at a time ({})", kMaxServers))
                       ->option_text("N")
                       ->check(CLI::Range(1, kMaxServers));
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
    add_link_options(app_, options_.link, "armour on a terminal");
    add_ready_fd(app_, options_.ready_fd);
  }

  Action action(std::vector<std::string> command) override {
    options_.command = std::move(command);
    if (!test_command_.command.empty()) {
      if (!options_.command.empty())
        throw CLI::ValidationError("--test-command takes the place of a COMMAND behind --");
      (void)parse_test_command(test_command_);
      options_.command = command_server_words(test_command_, options_.grace);
    }
    check_servers();
    if (options_.connect.empty() && !options_.listen)
      options_.listen = Endpoint::parse("127.0.0.1:0").value();
    return options_;
  }

 private:
  void check_servers() const {
    const auto& [connect, listen, command] =
        std::tie(options_.connect, options_.listen, options_.command);
    const auto need = [](bool met, const char* what) {
      if (!met) throw CLI::ValidationError(what);
    };
    need(!command.empty() || !connect.empty() || listen,
         "serve needs a COMMAND behind --, or --connect or --listen");
    need(std::ranges::none_of(connect, &Endpoint::any_port),
         "--connect needs the port of a test server, which is never 0");
    need(connect.size() <= static_cast<std::size_t>(kMaxServers),
         "--connect may be repeated 64 times, no more");
    need(command.empty() || connect.size() < 2,
         "a COMMAND listens at one --connect ADDR; several are for servers that run already");
    need(workers_->empty() || !command.empty(), "--workers needs a COMMAND to start");
    need(options_.workers == 1 || connect.empty(),
         "several --workers cannot listen at one --connect ADDR: they dial in");
    need(max_servers_->empty() || options_.open_house(),
         "--max-servers is for --listen without a COMMAND; --workers says how many are started");
  }

  ServeOptions options_;
  CLI::Option* workers_;
  CLI::Option* max_servers_;
  subunit::CommandTemplate::Text test_command_;
};

}  // namespace

std::unique_ptr<Subcommand> make_serve_command(CLI::App& parent) {
  return std::make_unique<ServeCommand>(parent);
}

}  // namespace proxy
