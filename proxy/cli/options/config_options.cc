#include "proxy/cli/options/config_options.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/base/text.h"

namespace proxy {

using subunit::escaped;

namespace {

// They say which file, or do not belong to a project.
constexpr std::string_view kOwn[] = {"--config", "--profile", "--no-config", "--show-config",
                                     "--list"};

/// As TOML has it, and a reader of the command line would.
std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte < 0x20 || byte == 0x7f) {
      result += fmt::format("\\u{:04x}", byte);
    } else {
      if (character == '"' || character == '\\') result += '\\';
      result += character;
    }
  }
  return result + "\"";
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += " " + escaped(word);
  return text;
}

}  // namespace

void ConfigOptions::add() {
  options_.text({"--config", "FILE",
                 fmt::format("read options from FILE ({}, here or above)", kConfigFileName)},
                path_);
  options_.text({"--profile", "NAME", "use its table [profile.NAME], too"}, profile_);
  options_.flag("--no-config", "read no such file", none_);
  options_.flag("--show-config", "print the options in force, and where they come from", shows_);
  options_.exclude("--no-config", "--config");
  options_.exclude("--no-config", "--profile");
  options_.before_values([this] { preset(); });
}

const OptionSet::Option* ConfigOptions::find(std::string_view option) const {
  const auto& all = options_.options();
  const auto found = std::ranges::find(
      all, option, [](const OptionSet::Option& each) { return std::string_view(each.label.name); });
  return found == all.end() ? nullptr : &*found;
}

bool ConfigOptions::is_own(std::string_view option) const {
  const OptionSet::Option* const found = find(option);
  return found && !found->values.empty() && found->origin.empty();
}

void ConfigOptions::preset() {
  if (options_.given("--no-config")) return;
  const auto named = options_.value_of("--config");
  const auto profile = options_.value_of("--profile");
  const auto path = named ? named : find_config_file();
  if (!path && profile)
    throw UsageError(fmt::format("--profile {}: there is no file {} here or in a folder above",
                                 escaped(*profile), kConfigFileName));
  if (!path) return;
  ConfigFile file = read_config_file(*path, profile);
  folder_ = file.folder;
  for (ConfigSetting& setting : file.settings) {
    if (std::ranges::find(kOwn, setting.option) != std::end(kOwn))
      throw UsageError(
          fmt::format("{}: {} can be on the command line only", setting.origin, setting.option));
    make_absolute(setting);
    options_.preset(setting.option, setting.values, setting.is_flag, setting.origin);
  }
}

void ConfigOptions::make_absolute(ConfigSetting& setting) const {
  const OptionSet::Option* const option = find(setting.option);
  if (!option || !option->label.value) return;
  const std::string_view value = option->label.value;
  if (!value.starts_with("FILE") && !value.starts_with("DIR")) return;
  for (std::string& path : setting.values)
    if (!path.empty() && !path.starts_with('/') && path != "-") path.insert(0, folder_ + "/");
}

std::string ConfigOptions::text(const std::vector<std::string>& tests,
                                const std::vector<std::string>& command) const {
  std::string text;
  for (const OptionSet::Option& option : options_.options()) {
    if (option.values.empty() || option.label.name == std::string_view("--show-config")) continue;
    std::string values;
    for (const std::string& value : option.values)
      values += (values.empty() ? "" : ", ") + quoted(value);
    const bool is_flag = !option.label.value;
    if (is_flag || option.values.front().empty()) values = "true";
    if (!is_flag && option.repeatable) values = fmt::format("[{}]", values);
    const std::string_view name = option.label.name;
    text += fmt::format("{} = {}  # {}\n", name.substr(name.find_first_not_of('-')), values,
                        option.origin.empty() ? "the command line" : option.origin);
  }
  if (!tests.empty()) text += fmt::format("# tests:{}\n", joined(tests));
  if (!command.empty()) text += fmt::format("# the channel command:{}\n", joined(command));
  return text + "# All other options have their default; see subunit-proxy run --help.\n";
}

}  // namespace proxy
