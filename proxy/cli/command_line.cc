#include "proxy/cli/command_line.h"

#include <fmt/core.h>

#include <algorithm>
#include <functional>

#include "proxy/cli/subcommand.h"

namespace proxy {
namespace {

constexpr ProgramText kProgram{
    "subunit-proxy",
    "Runs tests in warm server processes at the other end of a channel, such as ssh, and brings\n"
    "the results back as a clean subunit stream, whatever the tests print.",
    "\nFor the options of a subcommand: subunit-proxy SUBCOMMAND --help",
    "subunit-proxy " SUBUNIT_PROXY_VERSION};

void add_log_level(OptionSet& options, LogLevel& level) {
  options.choice(
      {"--log-level", "LEVEL", "what to report on stderr: error, warning, info, debug (warning)"},
      {{"error", LogLevel::kError},
       {"warning", LogLevel::kWarning},
       {"info", LogLevel::kInfo},
       {"debug", LogLevel::kDebug}},
      level);
}

class Parser {
 public:
  /// Knows the subcommand `first`, or all of them where there is none of that name: most of a start
  /// would be making the options of the others.
  Parser(const std::string& first, bool terminal) {
    const std::pair<std::string_view, std::function<std::unique_ptr<Subcommand>()>> known[] = {
        {"serve", make_serve_command},
        {"wrap", make_wrap_command},
        {"run", [terminal] { return make_run_command(terminal); }},
        {"testr", make_testr_command},
        {"python", make_python_command},
        {"tunnel", make_tunnel_command},
        {"command-server", make_command_server_command},
        {"guard", make_guard_command},
    };
    const bool one =
        std::ranges::any_of(known, [&](const auto& each) { return each.first == first; });
    for (const auto& [name, make] : known) {
      if (!one || name == first) subcommands_.push_back(make());
    }
    for (const auto& subcommand : subcommands_) {
      add_log_level(subcommand->options(), log_level_);
      options_.push_back(&subcommand->options());
    }
  }

  /// `own`: the words before "--". `command`: those after it.
  CommandLine parse(const std::vector<std::string>& own, std::vector<std::string> command) {
    try {
      if (auto help = parse_options(kProgram, options_, own))
        return {.action = Answer{Answer::Kind::kHelp, std::move(*help)}};
      return {.action = named()->action(std::move(command)), .log_level = log_level_};
    } catch (const UsageError& error) {
      Subcommand* subcommand = named();
      return {.action = Answer{Answer::Kind::kBadUsage,
                               fmt::format("{}\nTry: subunit-proxy {}--help", error.what(),
                                           subcommand ? subcommand->options().name() + " " : "")}};
    }
  }

 private:
  [[nodiscard]] Subcommand* named() const {
    const auto found = std::ranges::find_if(
        subcommands_, [](const auto& subcommand) { return subcommand->options().named(); });
    return found == subcommands_.end() ? nullptr : found->get();
  }

  LogLevel log_level_ = LogLevel::kWarning;
  std::vector<std::unique_ptr<Subcommand>> subcommands_;
  std::vector<OptionSet*> options_;
};

}  // namespace

CommandLine parse_command_line(const std::vector<std::string>& words, bool terminal) {
  // What follows "--" is a command with options of its own.
  const auto dashes = std::find(words.begin(), words.end(), "--");
  const std::vector<std::string> own(words.begin(), dashes);
  const std::vector<std::string> command(dashes == words.end() ? dashes : dashes + 1, words.end());
  return Parser(own.empty() ? "" : own.front(), terminal).parse(own, command);
}

}  // namespace proxy
