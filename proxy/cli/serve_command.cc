#include <fmt/core.h>

#include <algorithm>
#include <tuple>

#include "proxy/cli/options/shared_options.h"
#include "proxy/cli/subcommand.h"
#include "proxy/posix/folder.h"

namespace proxy {
namespace {

constexpr OptionSet::Text kText{
    "serve", "on the test machine: relay between stdin/stdout and test servers",
    R"(Usage:
  subunit-proxy serve [OPTIONS] [--listen ADDR] [--workers N] -- COMMAND...
      listen, start COMMAND (N times), and wait until it connects
  subunit-proxy serve [OPTIONS] [--listen ADDR] [--workers N] --adapter NAME -- COMMAND...
      COMMAND is a test program as it is: start it for each list and each run
  subunit-proxy serve [OPTIONS] [--listen ADDR] [--workers N] --test-command TEMPLATE
      for suites without a server: run TEMPLATE for each list and each run
  subunit-proxy serve [OPTIONS] --connect ADDR -- COMMAND...
      start COMMAND, and try to connect to ADDR until it listens there
  subunit-proxy serve [OPTIONS] --connect ADDR [--connect ADDR...]
      connect to test servers that are already listening
  subunit-proxy serve [OPTIONS] --listen ADDR [--max-servers N]
      listen; somebody else starts the test servers
)",
    R"(ADDR is HOST:PORT, a bare PORT on the loopback interface, or unix:PATH.

COMMAND finds the address to connect to in SUBUNIT_RPC_ADDRESS, and a token that proves who it is in
SUBUNIT_RPC_TOKEN. SUBUNIT_RPC_LOCAL names a unix socket for the same purpose, which works whatever
tests do to the network. What COMMAND and its children print is captured, and sent as attachments of
the test that was running. With several servers, each finds its number in SUBUNIT_RPC_WORKER, and
its packets have that number as route code.

NAME is gtest (GoogleTest), doctest, catch2 (Catch2 2) or tap (scripts that write TAP or KTAP). The
program lists and runs its tests in its framework's own way, and reports past its stdout. With
--batch 1, each test has a process of its own. A test that takes the process down costs itself only.
A tap script may print its tests, one a line, if it is started with --list, and then gets those to
run as arguments; it may write TAP to the FIFO $SUBUNIT_TAP instead of stdout.

TEMPLATE is a shell command that writes subunit, in the form of test_command in .testr.conf. To list
tests, $LISTOPT is replaced by the list option. To run some of the tests, $IDOPTION is replaced by
the id option, $IDFILE by the path of a file with their ids, one per line, and $IDLIST by their ids,
quoted for the shell.

On a terminal, serve switches to raw mode and sends printable characters only. The client recognises
that by itself.

Exit status:
  0  all servers ended after a Goodbye
  2  bad usage
  3  anything else

Examples, as started by a client through ssh:
  subunit-proxy serve -- python3 -m subunit_rpc discover -s tests
  subunit-proxy serve --adapter gtest --workers 4 -- build/unit_tests
  subunit-proxy serve --test-command 'python3 -m subunit.run $LISTOPT $IDOPTION mytests'
)"};

class ServeCommand : public Subcommand {
 public:
  ServeCommand() : Subcommand(kText) {
    add_servers();
    add_test_command();
    options_.seconds("--attach-timeout", "how long to wait for a test server",
                     serve_.attach_timeout);
    options_.seconds("--grace", "how long a server that has to end gets between TERM and KILL",
                     serve_.grace);
    options_.flag("--any-owner", "also use a server that belongs to another user",
                  serve_.any_owner);
    add_surroundings();
    add_link_options(options_, serve_.link, "armour on a terminal");
    add_ready_fd(options_, serve_.ready_fd);
  }

  Action action(std::vector<std::string> command) override {
    serve_.command = std::move(command);
    if (!test_command_.command.empty()) {
      if (!serve_.command.empty())
        throw UsageError(
            "--test-command cannot be used with a COMMAND after --: it takes its place");
      (void)parse_test_command(test_command_);
      serve_.command = command_server_words(test_command_, adapter_.batch, serve_.grace);
    }
    if (!adapter_.name.empty()) {
      if (serve_.command.empty())
        throw UsageError("--adapter needs a COMMAND after --: the program that has the tests");
      serve_.command = command_server_words(adapter_, serve_.command, serve_.grace);
    }
    check_servers();
    if (serve_.tree) serve_.tree = tree_folder(*serve_.tree);
    serve_.listen_requested = serve_.listen.has_value();
    if (serve_.connect.empty() && !serve_.listen)
      serve_.listen = Endpoint::parse("127.0.0.1:0").value();
    return serve_;
  }

 private:
  /// ":NAME" is a folder beside this program, which `run --push` keeps or removes with it.
  [[nodiscard]] std::string tree_folder(const std::string& given) const {
    if (!given.starts_with(':')) return given;
    const std::string program = own_path();
    return program.substr(0, program.rfind('/')) + "/trees/" + given.substr(1);
  }

  void add_servers() {
    options_.texts(
        {"--connect", "ADDR", "connect to a test server that listens at ADDR; may be repeated"},
        [this](const std::string& text) {
          serve_.connect.push_back(value_of(Endpoint::parse(text)));
        });
    add_endpoint(options_,
                 {"--listen", "ADDR", "listen for test servers at ADDR (127.0.0.1:0, a free port)"},
                 serve_.listen);
    options_.exclude("--listen", "--connect");
    options_.integer({"--workers", "N", "how many servers to start (1)"}, 1, kMaxServers,
                     [this](int given) { serve_.workers = given; });
    options_.integer(
        {"--max-servers", "N",
         fmt::format("how many servers may be connected at the same time ({})", kMaxServers)},
        1, kMaxServers, [this](int given) { serve_.max_servers = given; });
  }

  void add_surroundings() {
    options_.texts({"--env", "NAME=VALUE", "for the server command's environment; may be repeated"},
                   [this](const std::string& text) {
                     serve_.surroundings.environment.push_back(split_setting(text));
                   });
    options_.text({"--chdir", "DIR", "run the server command in DIR"}, serve_.surroundings.folder);
    options_.text({"--venv", "DIR", "run it in this Python virtual environment"},
                  serve_.surroundings.venv);
    // From `run --push`.
    options_.text({"--pushed-once", "DIR", ""}, serve_.temporary_folder);
    options_.text({"--pushed-tree", "DIR", ""}, serve_.tree);
    options_.flag("--pushed-python", "", serve_.surroundings.python_within);
    for (const char* name : {"--pushed-once", "--pushed-python", "--pushed-tree"})
      options_.hide(name);
  }

  void add_test_command() {
    options_.text({"--test-command", "TEMPLATE", "run this command for each list and each run"},
                  test_command_.command);
    options_.exclude("--test-command", "--connect");
    add_test_command_options(options_, test_command_);
    for (const char* name : {"--list-option", "--id-option"})
      options_.require(name, "--test-command");
    add_adapter_options(options_, adapter_);
    options_.exclude("--adapter", "--connect");
    options_.exclude("--adapter", "--test-command");
  }

  void check_servers() const {
    const auto& [connect, listen, command] =
        std::tie(serve_.connect, serve_.listen, serve_.command);
    const auto need = [](bool met, const char* what) {
      if (!met) throw UsageError(what);
    };
    need(!command.empty() || !connect.empty() || listen,
         "serve needs a COMMAND after --, or --test-command, --connect or --listen");
    need(!adapter_.batch || !adapter_.name.empty() || !test_command_.command.empty(),
         "--batch needs --adapter or --test-command: other servers run tests in their own process");
    need(std::ranges::none_of(connect, &Endpoint::any_port),
         "--connect needs the port at which a test server listens, which is never 0");
    need(connect.size() <= static_cast<std::size_t>(kMaxServers),
         "--connect may be given 64 times at most");
    need(command.empty() || connect.size() < 2,
         "a COMMAND listens at one --connect ADDR; several are for servers that are already "
         "running");
    need(!options_.given("--workers") || !command.empty(), "--workers needs a COMMAND to start");
    need(serve_.workers == 1 || connect.empty(),
         "several --workers cannot listen at one --connect ADDR: leave out --connect, and they "
         "connect to the proxy");
    need(
        !options_.given("--max-servers") || serve_.open_house(),
        "--max-servers needs --listen, without a COMMAND; to start several servers, use --workers");
  }

  ServeOptions serve_;
  subunit::command::CommandTemplate::Text test_command_;
  AdapterOptions adapter_;
};

}  // namespace

std::unique_ptr<Subcommand> make_serve_command(bool) {
  return std::make_unique<ServeCommand>();
}

}  // namespace proxy
