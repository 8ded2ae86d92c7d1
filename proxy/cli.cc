#include "proxy/cli.h"

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

namespace proxy {
namespace {

constexpr const char* kVersionText = "subunit-proxy " SUBUNIT_PROXY_VERSION;

constexpr const char* kServeUsage = R"(Usage:
  subunit-proxy serve [OPTIONS] [--listen ADDR] -- COMMAND...
      listen, start COMMAND, and wait until it dials in
  subunit-proxy serve [OPTIONS] --connect ADDR -- COMMAND...
      start COMMAND, then connect to ADDR, again and again until it listens there
  subunit-proxy serve [OPTIONS] --connect ADDR
      connect to a test server that listens already
  subunit-proxy serve [OPTIONS] --listen ADDR
      listen; somebody else starts the test server
)";

constexpr const char* kServeFooter =
    R"(ADDR is HOST:PORT, a bare PORT on the loopback interface, or unix:PATH.

COMMAND finds the address in SUBUNIT_RPC_ADDRESS and, as its proof of identity, a token in
SUBUNIT_RPC_TOKEN. What it and its children print is captured and sent as attachments of the test
that was running.

Exit status: 0 the server ended after a Goodbye, 2 bad usage, 3 anything else.

Example, to be started by a client at the other end of ssh:
  subunit-proxy serve -- python3 -m subunit_rpc discover -s tests
)";

constexpr const char* kWrapUsage = "Usage: subunit-proxy wrap [OPTIONS] -- COMMAND...\n";

constexpr const char* kWrapFooter =
    R"(The packets that COMMAND writes stay as they are. Everything else becomes the attachment "stdout" of
the test that was running, and tests that have no end when COMMAND ends have failed.

Exit status: that of COMMAND, 128 + n if signal n killed it, 127 if it could not be started,
74 if the stream could not be written.

Example:
  subunit-proxy wrap -- python3 -m subunit.run mytests | subunit2pyunit
)";

constexpr const char* kRunUsage =
    "Usage: subunit-proxy run [OPTIONS] [TEST...] -- CHANNEL COMMAND...\n";

constexpr const char* kRunFooter =
    R"(CHANNEL COMMAND starts `subunit-proxy serve` on the test machine and connects it to its own stdin
and stdout. Without TEST, --load-list or --match, all tests run.

Exit status: 0 everything asked for passed, 1 a test failed, 2 bad usage, 3 the run could not be
completed.

Examples:
  subunit-proxy run -- ssh board subunit-proxy serve -- python3 -m subunit_rpc discover
  subunit-proxy run --list -- podman exec -i box subunit-proxy serve --connect 9999
  subunit-proxy run --direct --match net -- ssh -W localhost:9999 board
)";

/// CLI11's, with a usage text of our own for each subcommand.
class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter() { column_width(30); }
  void set_usage(const CLI::App* app, std::string usage) { usages_[app] = std::move(usage); }

  std::string make_usage(const CLI::App* app, std::string name) const override {
    const auto usage = usages_.find(app);
    return usage == usages_.end() ? CLI::Formatter::make_usage(app, name) : usage->second;
  }
  std::string make_positionals(const CLI::App*) const override { return ""; }
  // CLI11 would name the type of a value beside the name that it was given.
  std::string make_option_opts(const CLI::Option* option) const override {
    return option->get_option_text().empty() ? CLI::Formatter::make_option_opts(option)
                                             : " " + option->get_option_text();
  }

 private:
  std::map<const CLI::App*, std::string> usages_;
};

/// An option for a time in seconds, with the default that `value` has.
void add_seconds(CLI::App& app, const std::string& name, subunit::Time& value,
                 const std::string& help) {
  const double preset = std::chrono::duration<double>(value).count();
  const auto store = [&value](double given) {
    value = std::chrono::duration_cast<subunit::Time>(std::chrono::duration<double>(given));
  };
  app.add_option_function<double>(name, store, fmt::format("{} ({:g})", help, preset))
      ->option_text("SECONDS")
      ->check(CLI::Range(0.001, 1e7));
}

CLI::Option* add_endpoint(CLI::App& app, const std::string& name, std::optional<Endpoint>& value,
                          const std::string& help) {
  const auto store = [&value](const std::string& text) {
    auto endpoint = Endpoint::parse(text);
    if (!endpoint) throw CLI::ValidationError(endpoint.error().text);
    value = *endpoint;
  };
  return app.add_option_function<std::string>(name, store, help)->option_text("ADDR");
}

void add_log_level(CLI::App& app, LogLevel& level) {
  const std::map<std::string, LogLevel> names{{"error", LogLevel::kError},
                                              {"warning", LogLevel::kWarning},
                                              {"info", LogLevel::kInfo},
                                              {"debug", LogLevel::kDebug}};
  app.add_option("--log-level", level,
                 "what to say on stderr: error, warning, info, debug (warning)")
      ->option_text("LEVEL")
      ->transform(CLI::CheckedTransformer(names));
}

struct Parser {
  CLI::App app{
      "Runs tests on warm test servers at the other end of a channel, and carries their results\n"
      "as a clean subunit stream, whatever the tests print.",
      "subunit-proxy"};
  std::shared_ptr<HelpFormatter> formatter = std::make_shared<HelpFormatter>();
  LogLevel log_level = LogLevel::kWarning;
  ServeOptions serve;
  WrapOptions wrap;
  RunOptions run;
  std::optional<Format> format;
  CLI::App* serve_app = nullptr;
  CLI::App* wrap_app = nullptr;
  CLI::App* run_app = nullptr;

  Parser() {
    app.formatter(formatter);
    app.set_version_flag("--version", kVersionText, "say the version");
    app.set_help_flag("-h,--help", "say this");
    app.require_subcommand(1);
    app.footer("\nsubunit-proxy SUBCOMMAND --help says more.");
    serve_app =
        add_subcommand("serve", "on the test machine: relay between stdin/stdout and a test server",
                       kServeUsage, kServeFooter);
    wrap_app = add_subcommand("wrap", "run a test command that has no server, and clean its stream",
                              kWrapUsage, kWrapFooter);
    run_app = add_subcommand("run", "open a channel, and list or run the tests behind it",
                             kRunUsage, kRunFooter);
    add_serve_options();
    add_run_options();
    for (CLI::App* subcommand : {serve_app, wrap_app, run_app})
      add_log_level(*subcommand, log_level);
  }

  CLI::App* add_subcommand(const char* name, const char* description, const char* usage,
                           const char* footer) {
    CLI::App* subcommand = app.add_subcommand(name, description);
    subcommand->footer(footer);
    formatter->set_usage(subcommand, usage);
    return subcommand;
  }

  void add_serve_options() {
    add_endpoint(*serve_app, "--connect", serve.connect, "where a test server listens");
    add_endpoint(*serve_app, "--listen", serve.listen,
                 "where the test server dials in (127.0.0.1:0, a free port)")
        ->excludes("--connect");
    add_seconds(*serve_app, "--attach-timeout", serve.attach_timeout,
                "how long to wait for a test server");
    add_seconds(*serve_app, "--grace", serve.grace,
                "between TERM and KILL, when a server has to end");
    serve_app->add_flag("--any-owner", serve.any_owner,
                        "also use a server that belongs to another user");
    serve_app
        ->add_option("--ready-fd", serve.ready_fd,
                     "write \"READY ADDR\" to this descriptor and close it")
        ->option_text("N")
        ->check(CLI::Range(3, 1 << 20));
  }

  void add_run_options() {
    run_app->add_option("tests", run.tests, "ids of the tests");
    run_app->add_flag("--list", run.list, "list the tests, do not run them");
    run_app->add_option("--load-list", run.load_list, "read ids from FILE, one a line; - is stdin")
        ->option_text("FILE");
    run_app
        ->add_option("--match", run.match, "only tests in whose id REGEX is found; may be repeated")
        ->option_text("REGEX")
        ->allow_extra_args(false);
    run_app
        ->add_option("--format", format, "human, subunit, or with --list ids (human on a terminal)")
        ->option_text("FORMAT")
        ->transform(CLI::CheckedTransformer(std::map<std::string, Format>{
            {"human", Format::kHuman}, {"subunit", Format::kSubunit}, {"ids", Format::kIds}}));
    run_app->add_flag("--direct", run.direct,
                      "a test server at the other end of the channel, and no proxy");
    add_seconds(*run_app, "--ready-timeout", run.ready_timeout, "how long to wait for the proxy");
    add_seconds(*run_app, "--attach-timeout", run.attach_timeout,
                "then for a test server to be there");
    add_seconds(*run_app, "--hello-timeout", run.hello_timeout, "then for its answer");
  }
};

/// What CLI11 cannot check: rules about the command behind "--".
std::optional<std::string> complaint(const Parser& parser,
                                     const std::vector<std::string>& command) {
  if (*parser.serve_app && command.empty() && !parser.serve.connect && !parser.serve.listen)
    return "serve needs a COMMAND behind --, or --connect or --listen";
  if (parser.serve.connect && parser.serve.connect->any_port())
    return "--connect needs the port of a test server, which is never 0";
  if (parser.serve.ready_fd && ::fcntl(*parser.serve.ready_fd, F_GETFD) < 0)
    return fmt::format("--ready-fd {}: no such descriptor is open", *parser.serve.ready_fd);
  if (*parser.wrap_app && command.empty()) return "wrap needs a COMMAND behind --";
  if (*parser.run_app && command.empty()) return "run needs a CHANNEL COMMAND behind --";
  if (*parser.run_app && parser.format == Format::kIds && !parser.run.list)
    return "--format ids goes with --list";
  return std::nullopt;
}

}  // namespace

CommandLine parse_command_line(int argc, char** argv) {
  // Everything behind "--" belongs to a command that is none of our business.
  const std::vector<std::string> words(argv + 1, argv + argc);
  const auto dashes = std::find(words.begin(), words.end(), "--");
  std::vector<std::string> own(words.begin(), dashes);
  const std::vector<std::string> command(dashes == words.end() ? dashes : dashes + 1, words.end());

  Parser parser;
  try {
    std::reverse(own.begin(), own.end());  // as CLI11 wants it
    parser.app.parse(own);
    if (const auto text = complaint(parser, command)) throw CLI::ValidationError(*text);
  } catch (const CLI::Success& help) {
    parser.app.exit(help);
    return {.action = 0};
  } catch (const CLI::ParseError& error) {
    const auto used = parser.app.get_subcommands();
    Log(LogLevel::kError)
        .error("{}\nTry: subunit-proxy {}--help", error.what(),
               used.empty() ? "" : used[0]->get_name() + " ");
    return {.action = 2};
  }

  CommandLine line;
  line.log_level = parser.log_level;
  if (*parser.serve_app) {
    parser.serve.command = command;
    if (!parser.serve.connect && !parser.serve.listen)
      parser.serve.listen = Endpoint::parse("127.0.0.1:0").value();
    line.action = parser.serve;
  } else if (*parser.wrap_app) {
    line.action = WrapOptions{command};
  } else {
    parser.run.channel = command;
    parser.run.format = parser.format.value_or(::isatty(1) ? Format::kHuman : Format::kSubunit);
    line.action = parser.run;
  }
  return line;
}

}  // namespace proxy
