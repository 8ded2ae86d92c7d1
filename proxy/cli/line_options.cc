#include "proxy/cli/line_options.h"

#include <fmt/core.h>

#include <memory>

#include "proxy/cli/subcommand.h"
#include "proxy/io/line_rate.h"

namespace proxy {
namespace {

constexpr double kMaxBaud = 1e9;

struct ConsoleWords {
  std::vector<std::string> commands;
  std::vector<std::string> waits;
};

std::vector<ConsoleStep> console_steps(const ConsoleWords& words) {
  if (words.waits.size() > words.commands.size())
    throw CLI::ValidationError("each --console-wait is for a --console-command");
  std::vector<ConsoleStep> steps;
  for (std::size_t i = 0; i < words.commands.size(); ++i) {
    auto step =
        ConsoleStep::create(words.commands[i], i < words.waits.size() ? words.waits[i] : "");
    if (!step) throw CLI::ValidationError(step.error().text);
    steps.push_back(std::move(*step));
  }
  return steps;
}

}  // namespace

void add_link_options(CLI::App& app, LinkSettings& link, const std::string& automatic) {
  app.add_option("--link", link.mode,
                 fmt::format("bytes: raw, armour (printable), auto: {} (auto)", automatic))
      ->option_text("KIND")
      ->transform(CLI::CheckedTransformer(std::map<std::string, LinkMode>{
          {"auto", LinkMode::kAuto}, {"raw", LinkMode::kRaw}, {"armour", LinkMode::kArmour}}));
  const auto store = [&link](double baud) {
    link.bytes_per_second = some_number("--baud", baud) / kBitsPerByte;
  };
  app.add_option_function<double>("--baud", store,
                                  "send no faster over the console link; 0: as it comes")
      ->option_text("N")
      ->check(CLI::Range(0.0, kMaxBaud));
}

void add_line_options(CLI::App& app, LineOptions& line) {
  add_link_options(app, line.link, "as the other end does");
  app.add_flag("--pty", line.pty, "give the channel's command a terminal of its own");
  const auto words = std::make_shared<ConsoleWords>();
  app.add_option("--console-command", words->commands,
                 "type this on the console, to start the proxy there; may be repeated")
      ->option_text("TEXT")
      ->allow_extra_args(false);
  app.add_option("--console-wait", words->waits,
                 "before that, wait for REGEX; the next one is for the next command")
      ->option_text("REGEX")
      ->allow_extra_args(false);
  app.callback([&app, &line, words] {
    line.console = console_steps(*words);
    const CLI::Option* direct = app.get_option_no_throw("--direct");
    if (direct && !direct->empty()) {
      if (line.link.mode == LinkMode::kArmour || !line.console.empty())
        throw CLI::ValidationError(
            "--direct is without a proxy, so there is no console link: it does not go with --link "
            "armour and --console-command");
      line.link.mode = LinkMode::kRaw;
    }
    if (!line.console.empty() && line.link.mode == LinkMode::kRaw)
      throw CLI::ValidationError(
          "--console-command is for consoles, which --link raw does not survive");
  });
}

}  // namespace proxy
