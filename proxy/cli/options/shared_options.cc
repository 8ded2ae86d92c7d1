#include "proxy/cli/options/shared_options.h"

#include <fcntl.h>
#include <fmt/core.h>

#include "common/adapter/adapter.h"
#include "common/base/text.h"
#include "proxy/cli/subcommand.h"
#include "proxy/posix/folder.h"
#include "proxy/terminal/terminal.h"

namespace proxy {

namespace {

constexpr double kMaxBaud = 1e9;
constexpr int kMaxBatch = 1'000'000;

void add_text(OptionSet& options, const char* name, const char* help, std::string& value) {
  options.text({name, "TEXT", fmt::format("{} ({})", help, value)}, value);
}

}  // namespace

std::pair<std::string, std::string> split_setting(const std::string& text) {
  const std::size_t end = text.find('=');
  if (end == 0 || end == std::string::npos)
    throw UsageError(fmt::format("--env: \"{}\" is not NAME=VALUE", subunit::escaped(text)));
  return {text.substr(0, end), text.substr(end + 1)};
}

void add_log_level(OptionSet& options, LogLevel& level) {
  options.choice(
      {"--log-level", "LEVEL", "what to report on stderr: error, warning, info, debug (warning)"},
      {{"error", LogLevel::kError},
       {"warning", LogLevel::kWarning},
       {"info", LogLevel::kInfo},
       {"debug", LogLevel::kDebug}},
      level);
}

void add_link_options(OptionSet& options, LinkSettings& link, const std::string& automatic) {
  options.choice(
      {"--link", "KIND",
       fmt::format("raw, armour (printable characters), auto: {} (auto)", automatic)},
      {{"auto", LinkMode::kAuto}, {"raw", LinkMode::kRaw}, {"armour", LinkMode::kArmour}},
      link.mode);
  options.number({"--baud", "N", "bits per second over the console link, at most; 0: no limit"}, 0,
                 kMaxBaud, [&link](double baud) { link.bytes_per_second = baud / kBitsPerByte; });
}

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
  options.suggest("--adapter", {"gtest", "doctest", "catch2", "tap"});
  options.integer(
      {"--batch", "N", "how many tests one process of --adapter or --test-command runs (10)"}, 1,
      kMaxBatch, [&adapter](int given) { adapter.batch = given; });
}

namespace {

std::vector<std::string> command_server_options(std::optional<int> batch, subunit::Time grace) {
  const double seconds = std::chrono::duration<double>(grace).count();
  const std::string program = own_path();
  std::vector<std::string> words{program.empty() ? "subunit-proxy" : program, "command-server"};
  words.push_back(fmt::format("--grace={}", seconds / 2));
  if (batch) words.push_back(fmt::format("--batch={}", *batch));
  return words;
}

}  // namespace

std::vector<std::string> command_server_words(const subunit::command::CommandTemplate::Text& text,
                                              std::optional<int> batch, subunit::Time grace) {
  std::vector<std::string> words = command_server_options(batch, grace);
  words.push_back("--list-option=" + text.list_option);
  words.push_back("--id-option=" + text.id_option);
  words.insert(words.end(), {"--", text.command});
  return words;
}

std::vector<std::string> command_server_words(const AdapterOptions& adapter,
                                              const std::vector<std::string>& command,
                                              subunit::Time grace) {
  std::vector<std::string> words = command_server_options(adapter.batch, grace);
  words.push_back("--adapter=" + adapter.name);
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
