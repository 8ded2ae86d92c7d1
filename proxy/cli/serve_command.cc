#include <fmt/core.h>

#include <algorithm>
#include <tuple>

#include "proxy/cli/shared_options.h"
#include "proxy/cli/subcommand.h"

namespace proxy {
namespace {

constexpr OptionSet::Text kText{
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
  ServeCommand() : Subcommand(kText) {
    add_servers();
    add_test_command();
    options_.seconds("--attach-timeout", "how long to wait for a test server",
                     serve_.attach_timeout);
    options_.seconds("--grace", "between TERM and KILL, when a server has to end", serve_.grace);
    options_.flag("--any-owner", "also use a server that belongs to another user",
                  serve_.any_owner);
    add_link_options(options_, serve_.link, "armour on a terminal");
    add_ready_fd(options_, serve_.ready_fd);
  }

  Action action(std::vector<std::string> command) override {
    serve_.command = std::move(command);
    if (!test_command_.command.empty()) {
      if (!serve_.command.empty())
        throw UsageError("--test-command takes the place of a COMMAND behind --");
      (void)parse_test_command(test_command_);
      serve_.command = command_server_words(test_command_, serve_.grace);
    }
    check_servers();
    if (serve_.connect.empty() && !serve_.listen)
      serve_.listen = Endpoint::parse("127.0.0.1:0").value();
    return serve_;
  }

 private:
  void add_servers() {
    options_.texts({"--connect", "ADDR", "where a test server listens; may be repeated"},
                   [this](const std::string& text) {
                     serve_.connect.push_back(value_of(Endpoint::parse(text)));
                   });
    add_endpoint(options_,
                 {"--listen", "ADDR", "where test servers dial in (127.0.0.1:0, a free port)"},
                 serve_.listen);
    options_.exclude("--listen", "--connect");
    options_.integer({"--workers", "N", "how many servers to start (1)"}, 1, kMaxServers,
                     [this](int given) { serve_.workers = given; });
    options_.integer(
        {"--max-servers", "N", fmt::format("how many may dial in at a time ({})", kMaxServers)}, 1,
        kMaxServers, [this](int given) { serve_.max_servers = given; });
  }

  void add_test_command() {
    options_.text({"--test-command", "TEMPLATE", "run this command for each list and each run"},
                  test_command_.command);
    options_.exclude("--test-command", "--connect");
    add_test_command_options(options_, test_command_);
    for (const char* name : {"--list-option", "--id-option"})
      options_.require(name, "--test-command");
  }

  void check_servers() const {
    const auto& [connect, listen, command] =
        std::tie(serve_.connect, serve_.listen, serve_.command);
    const auto need = [](bool met, const char* what) {
      if (!met) throw UsageError(what);
    };
    need(!command.empty() || !connect.empty() || listen,
         "serve needs a COMMAND behind --, or --connect or --listen");
    need(std::ranges::none_of(connect, &Endpoint::any_port),
         "--connect needs the port of a test server, which is never 0");
    need(connect.size() <= static_cast<std::size_t>(kMaxServers),
         "--connect may be repeated 64 times, no more");
    need(command.empty() || connect.size() < 2,
         "a COMMAND listens at one --connect ADDR; several are for servers that run already");
    need(!options_.given("--workers") || !command.empty(), "--workers needs a COMMAND to start");
    need(serve_.workers == 1 || connect.empty(),
         "several --workers cannot listen at one --connect ADDR: they dial in");
    need(!options_.given("--max-servers") || serve_.open_house(),
         "--max-servers is for --listen without a COMMAND; --workers says how many are started");
  }

  ServeOptions serve_;
  subunit::command::CommandTemplate::Text test_command_;
};

}  // namespace

std::unique_ptr<Subcommand> make_serve_command() {
  return std::make_unique<ServeCommand>();
}

}  // namespace proxy
