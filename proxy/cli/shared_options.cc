#include "proxy/cli/shared_options.h"

#include <fcntl.h>
#include <fmt/core.h>

#include <filesystem>
#include <memory>

#include "common/adapter/adapter.h"
#include "proxy/cli/subcommand.h"
#include "proxy/terminal/terminal.h"

namespace proxy {

namespace {

constexpr double kMaxBaud = 1e9;
constexpr int kMaxBatch = 1'000'000;

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

void check_line(const OptionSet& options, LineOptions& line) {
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

void add_link_options(OptionSet& options, LinkSettings& link, const std::string& automatic) {
  options.choice(
      {"--link", "KIND",
       fmt::format("raw, armour (printable characters), auto: {} (auto)", automatic)},
      {{"auto", LinkMode::kAuto}, {"raw", LinkMode::kRaw}, {"armour", LinkMode::kArmour}},
      link.mode);
  options.number({"--baud", "N", "bits per second over the console link, at most; 0: no limit"}, 0,
                 kMaxBaud, [&link](double baud) { link.bytes_per_second = baud / kBitsPerByte; });
}

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
  options.check([&options, &line, words] {
    line.console = console_steps(*words);
    check_line(options, line);
  });
}

void add_selection_options(OptionSet& options, RunOptions& run) {
  options.words("tests", "ids of the tests", run.tests);
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

namespace {

/// The file of this program, wherever it was found.
std::string own_path() {
  std::error_code failed;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", failed);
  return failed ? "subunit-proxy" : path.string();
}

void add_text(OptionSet& options, const char* name, const char* help, std::string& value) {
  options.text({name, "TEXT", fmt::format("{} ({})", help, value)}, value);
}

/// An empty value would be taken from the next word if it did not stand there as one, and "--" as
/// one would end the options.
void add_option(std::vector<std::string>& words, const std::string& name,
                const std::string& value) {
  if (value.empty())
    words.insert(words.end(), {name, value});
  else
    words.push_back(name + "=" + value);
}

}  // namespace

void add_test_command_options(OptionSet& options, subunit::command::CommandTemplate::Text& text) {
  add_text(options, "--list-option", "what $LISTOPT stands for", text.list_option);
  add_text(options, "--id-option", "what $IDOPTION stands for", text.id_option);
}

subunit::command::CommandTemplate parse_test_command(subunit::command::CommandTemplate::Text text) {
  return value_of(subunit::command::CommandTemplate::parse(std::move(text)));
}

void add_adapter_options(OptionSet& options, AdapterOptions& adapter) {
  options.text(
      {"--adapter", "NAME", "COMMAND is a plain test program: gtest, doctest, catch2 or tap"},
      [&adapter](const std::string& name) {
        (void)value_of(subunit::adapter::Adapter::create(name, {}));
        adapter.name = name;
      });
  options.integer(
      {"--batch", "N", "how many tests one process of --adapter or --test-command runs (10)"}, 1,
      kMaxBatch, [&adapter](int given) { adapter.batch = given; });
}

namespace {

std::vector<std::string> command_server_options(std::optional<int> batch, subunit::Time grace) {
  const double seconds = std::chrono::duration<double>(grace).count();
  std::vector<std::string> words{own_path(), "command-server"};
  add_option(words, "--grace", fmt::format("{}", seconds / 2));
  if (batch) add_option(words, "--batch", std::to_string(*batch));
  return words;
}

}  // namespace

std::vector<std::string> command_server_words(const subunit::command::CommandTemplate::Text& text,
                                              std::optional<int> batch, subunit::Time grace) {
  std::vector<std::string> words = command_server_options(batch, grace);
  add_option(words, "--list-option", text.list_option);
  add_option(words, "--id-option", text.id_option);
  words.insert(words.end(), {"--", text.command});
  return words;
}

std::vector<std::string> command_server_words(const AdapterOptions& adapter,
                                              const std::vector<std::string>& command,
                                              subunit::Time grace) {
  std::vector<std::string> words = command_server_options(adapter.batch, grace);
  add_option(words, "--adapter", adapter.name);
  words.emplace_back("--");
  words.insert(words.end(), command.begin(), command.end());
  return words;
}

void add_endpoint(OptionSet& options, const OptionSet::Label& label,
                  std::optional<Endpoint>& value) {
  options.text(label,
               [&value](const std::string& text) { value = value_of(Endpoint::parse(text)); });
}

void add_ready_fd(OptionSet& options, std::optional<int>& value) {
  const auto store = [&value](int fd) {
    if (::fcntl(fd, F_GETFD) < 0)
      throw UsageError(fmt::format("--ready-fd {}: this descriptor is not open", fd));
    value = fd;
  };
  options.integer(
      {"--ready-fd", "N", "when listening, write \"READY ADDR\" to descriptor N and close it"}, 3,
      1 << 20, store);
}

}  // namespace proxy
