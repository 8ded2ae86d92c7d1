#include "proxy/cli/command_line.h"

#include <unistd.h>

#include <algorithm>

namespace proxy {
namespace {

constexpr const char* kVersionText = "subunit-proxy " SUBUNIT_PROXY_VERSION;

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
  LogLevel log_level = LogLevel::kWarning;
  std::vector<std::unique_ptr<Subcommand>> subcommands;

  Parser() {
    auto formatter = std::make_shared<HelpFormatter>();
    app.formatter(formatter);
    app.set_version_flag("--version", kVersionText, "say the version");
    app.set_help_flag("-h,--help", "say this");
    app.require_subcommand(1);
    app.footer("\nsubunit-proxy SUBCOMMAND --help says more.");
    for (const auto make :
         {make_serve_command, make_wrap_command, make_run_command, make_testr_command,
          make_python_command, make_tunnel_command, make_command_server_command})
      subcommands.push_back(make(app));
    for (const auto& subcommand : subcommands) {
      formatter->set_usage(&subcommand->app(), subcommand->usage());
      add_log_level(subcommand->app(), log_level);
    }
  }

  [[nodiscard]] Subcommand* used() const {
    const auto found = std::ranges::find_if(
        subcommands, [](const auto& subcommand) { return subcommand->app().parsed(); });
    return found == subcommands.end() ? nullptr : found->get();
  }
};

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
    return {.action = parser.used()->action(command), .log_level = parser.log_level};
  } catch (const CLI::Success& help) {
    parser.app.exit(help);
    return {.action = 0};
  } catch (const CLI::ParseError& error) {
    const Subcommand* used = parser.used();
    Screen screen(STDERR_FILENO);
    Log(LogLevel::kError, screen)
        .error("{}\nTry: subunit-proxy {}--help", error.what(),
               used ? used->app().get_name() + " " : "");
    return {.action = 2};
  }
}

}  // namespace proxy
