#include "proxy/cli/options/client_options.h"

#include <memory>

#include "proxy/cli/options/shared_options.h"
#include "proxy/cli/subcommand.h"

namespace proxy {

namespace {

struct ConsoleWords {
  std::vector<std::string> commands;
  std::vector<std::string> waits;
};

std::vector<ConsoleStep> console_steps(const ConsoleWords& words) {
  if (words.waits.size() > words.commands.size())
    throw UsageError("each --console-wait needs a --console-command, which is typed after it");
  std::vector<ConsoleStep> steps;
  for (std::size_t i = 0; i < words.commands.size(); ++i) {
    std::string wait = i < words.waits.size() ? words.waits[i] : "";
    steps.push_back(value_of(ConsoleStep::create(words.commands[i], std::move(wait))));
  }
  return steps;
}

TreeOptions parse_tree(const std::string& given) {
  const std::size_t colon = given.find(':');
  TreeOptions tree{.folder = given.substr(0, colon), .target = std::nullopt};
  if (colon != std::string::npos) tree.target = given.substr(colon + 1);
  if (tree.folder.empty() ||
      (tree.target && (tree.target->empty() || tree.target->starts_with(':'))))
    throw UsageError(fmt::format(
        "--sync {}: it takes a folder, or two with a colon between them: DIR or DIR:TARGET",
        given));
  return tree;
}

void add_push_options(OptionSet& options, LineOptions& line) {
  options.flag(
      {"--push", "[=once]", "bring subunit-proxy to the test machine; once: leave nothing there"},
      [&line](const std::string& value) {
        if (!value.empty() && value != "once")
          throw UsageError(fmt::format("--push={}: only \"once\" can stand there", value));
        if (!line.push) line.push.emplace();
        line.push->once = !value.empty();
      });
  options.suggest("--push", {"once"});
  options.text({"--push-from", "DIR", "the programs to bring are files serve-MACHINE in DIR"},
               [&line](const std::string& folder) {
                 if (!line.push) line.push.emplace();
                 line.push->from = folder;
               });
  options.require("--push-from", "--push");
  options.text(
      {"--sync", "DIR[:TARGET]", "with --push, bring a git tree; the server command runs in it"},
      [&line](const std::string& given) {
        if (!line.push) line.push.emplace();
        line.push->tree = parse_tree(given);
      });
  options.require("--sync", "--push");
  const auto pass_on = [&](const char* name, const char* value, const char* help) {
    options.texts({name, value, help}, [&line, name](const std::string& given) {
      if (!line.push) line.push.emplace();
      if (name == std::string_view("--env")) (void)split_setting(given);
      line.push->serve.push_back(fmt::format("{}={}", name, given));
    });
    options.require(name, "--push");
  };
  pass_on("--env", "NAME=VALUE", "with --push, for the server command; may be repeated");
  pass_on("--chdir", "DIR", "with --push, where the server command runs");
  pass_on("--venv", "DIR", "with --push, the Python virtual environment of the server command");
}

void check_line(const OptionSet& options, LineOptions& line) {
  if (options.given("--direct") && line.push)
    throw UsageError("--direct cannot be used with --push: what is brought there is the proxy");
  if (options.given("--direct")) {
    if (line.link.mode == LinkMode::kArmour || !line.console.empty())
      throw UsageError(
          "--direct cannot be used with --link armour or --console-command: without a proxy at the "
          "other end there is no console link");
    line.link.mode = LinkMode::kRaw;
  }
  if (!line.console.empty() && line.link.mode == LinkMode::kRaw)
    throw UsageError(
        "--console-command cannot be used with --link raw: plain packets do not get through a "
        "console; leave out --link");
}

}  // namespace

void add_line_options(OptionSet& options, LineOptions& line) {
  add_link_options(options, line.link, "like the other end");
  options.flag("--pty", "give the channel's command a terminal of its own", line.pty);
  const auto words = std::make_shared<ConsoleWords>();
  options.texts({"--console-command", "TEXT",
                 "type TEXT on the console, to start the proxy there; may be repeated"},
                words->commands);
  options.texts({"--console-wait", "REGEX",
                 "before that, wait until the console has printed a match of REGEX"},
                words->waits);
  add_push_options(options, line);
  options.check([&options, &line, words] {
    line.console = console_steps(*words);
    check_line(options, line);
  });
}

void add_selection_options(OptionSet& options, RunOptions& run) {
  options.words(run.tests);
  options.flag("--list", "list the tests; do not run them", run.list);
  options.text({"--load-list", "FILE", "read the ids of tests from FILE, one per line; - is stdin"},
               run.load_list);
}

void add_channel_options(OptionSet& options, RunOptions& run) {
  add_line_options(options, run.line);
  options.flag("--direct", "the other end of the channel is a test server, without a proxy",
               run.direct);
  options.seconds("--ready-timeout", "how long to wait for the proxy", run.ready_timeout);
  options.seconds("--attach-timeout", "how long to wait after that for a test server",
                  run.attach_timeout);
  options.seconds("--hello-timeout", "how long to wait after that for its answer",
                  run.hello_timeout);
  options.seconds("--list-timeout", "how long a server that lists its tests may be silent",
                  run.list_timeout);
}

}  // namespace proxy
