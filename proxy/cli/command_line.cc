#include "proxy/cli/command_line.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/base/text.h"
#include "proxy/cli/options/shared_options.h"
#include "proxy/cli/program.h"
#include "proxy/cli/subcommand.h"
#include "proxy/cli/version.h"

namespace proxy {
namespace {

/// Of the program.
std::string help_of(const Program& program) {
  std::string text = fmt::format(
      "{}\nUsage: subunit-proxy [OPTIONS] SUBCOMMAND\n\nOptions:\n{}{}\nSubcommands:\n",
      program.description, help_line("--version", "print the version"), help_line_about_help());
  for (const Program::Entry& entry : program.subcommands) {
    const OptionSet::Text about = entry.make(false)->options().about();
    if (!about.hidden) text += help_line(about.name, about.description);
  }
  return text + "\nFor the options of a subcommand: subunit-proxy SUBCOMMAND --help\n";
}

std::string version() {
  std::string text = fmt::format("subunit-proxy {}", kVersion);
  if (!kRevision.empty()) text += fmt::format(" ({})", kRevision);
  return text + "\n";
}

CommandLine bad_usage(std::string_view what, std::string_view subcommand = "") {
  return {.action = Answer{Answer::Kind::kBadUsage,
                           fmt::format("{}\nTry: subunit-proxy {}{}--help", what, subcommand,
                                       subcommand.empty() ? "" : " ")}};
}

CommandLine help(std::string text) {
  return {.action = Answer{Answer::Kind::kHelp, std::move(text)}};
}

CommandLine parse_subcommand(Subcommand& subcommand, const std::vector<std::string>& words,
                             std::vector<std::string> command) {
  LogLevel level = LogLevel::kWarning;
  OptionSet& options = subcommand.options();
  add_log_level(options, level);
  try {
    if (auto text = options.parse(words)) return help(std::move(*text));
    return {.action = subcommand.action(std::move(command)), .log_level = level};
  } catch (const UsageError& error) {
    return bad_usage(error.what(), options.about().name);
  }
}

}  // namespace

CommandLine parse_command_line(const Program& program, const std::vector<std::string>& words,
                               bool terminal) {
  // What follows "--" is a command with options of its own.
  const auto dashes = std::find(words.begin(), words.end(), "--");
  const std::vector<std::string> own(words.begin(), dashes);
  const std::vector<std::string> command(dashes == words.end() ? dashes : dashes + 1, words.end());
  if (own.empty()) return bad_usage("a subcommand is required");
  const std::string& first = own.front();
  const auto entry = std::ranges::find(program.subcommands, first, &Program::Entry::name);
  if (entry != program.subcommands.end())
    return parse_subcommand(*entry->make(terminal), {own.begin() + 1, own.end()}, command);
  if (first == "--version") return help(version());
  if (asks_for_help(first)) return help(help_of(program));
  if (std::ranges::count(program.left_out, first) > 0)
    return bad_usage(
        fmt::format("this is the part of subunit-proxy for test machines; \"{}\" is in the whole "
                    "program, subunit-proxy",
                    first));
  return bad_usage(fmt::format("there is no subcommand \"{}\"", subunit::escaped(first)));
}

}  // namespace proxy
