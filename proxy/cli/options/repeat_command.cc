#include "proxy/cli/options/repeat_command.h"

#include <fmt/core.h>

#include <algorithm>
#include <string_view>

namespace proxy {

using subunit::shell_quote;

namespace {

constexpr std::string_view kOfRuns[] = {
    "--config",
    "--profile",
    "--no-config",
    "--list",
    "--load-list",
    "--match",
    "--failed",
    "--partition",
    "--allow-empty",
    "--format",
    "--color",
    "--trace",
    "--junit",
    "--junit-places",
    "--html",
    "--annotate",
    "--order",
    "--shuffle",
    "--group",
    "--history",
    "--isolated",
    "--schedule-log",
    "--replay",
    "--max-fail",
    "-x",
    "--retries",
    "--flaky",
    "--slow",
    "--resource",
    "--exclusive",
    "--exclusive-in-run",
    "--live",
    "--repeat",
    "--until-failure",
    "--time",
    "--stress",
    "--log-level",
    "--show-config",
};

std::string quoted(const OptionSet::Option& option, const std::string& value) {
  const std::string_view name = option.label.name;
  if (!option.label.value || (value.empty() && option.label.value[0] == '['))
    return fmt::format(" {}", name);
  const std::size_t equals = value.find('=');
  if (name == "--env" && equals != value.npos) {
    const std::string variable = value.substr(0, equals);
    return fmt::format(" {} {}=\"${}\"", name, variable, variable);
  }
  const char between = option.label.value[0] == '[' ? '=' : ' ';
  return fmt::format(" {}{}{}", name, between, shell_quote(value));
}

}  // namespace

RepeatCommand repeat_command(const OptionSet& options, const subunit::Words& channel,
                             bool has_own_channel, const std::string& folder) {
  std::string words;
  bool has_file = false;
  for (const OptionSet::Option& option : options.options()) {
    const std::string_view name = option.label.name;
    const bool is_from_file = !option.origin.empty();
    has_file |= is_from_file;
    const bool is_of_run = std::ranges::find(kOfRuns, name) != std::end(kOfRuns);
    const bool is_channel = name == "--channel" || name == "--channels-from";
    if (is_of_run || (is_channel && is_from_file && has_own_channel)) continue;
    for (const std::string& value : option.values) words += quoted(option, value);
  }
  RepeatCommand command{.before = "subunit-proxy run", .after = ""};
  if (has_file || options.given("--no-config")) command.before += " --no-config";
  if (has_file && !has_own_channel && !folder.empty())
    command.before.insert(0, fmt::format("cd {} && ", shell_quote(folder)));
  command.before += words;
  if (channel.empty()) return command;
  command.after = " --";
  for (const std::string& word : channel) command.after += " " + shell_quote(word);
  return command;
}

}  // namespace proxy
