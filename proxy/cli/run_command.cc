#include <fmt/core.h>
#include <unistd.h>

#include "proxy/cli/run_options.h"
#include "proxy/client/channel_list.h"

namespace proxy {
namespace {

constexpr Subcommand::Text kText{
    "run", "open a channel, and list or run the tests behind it",
    R"(Usage:
  subunit-proxy run [OPTIONS] [TEST...] -- CHANNEL COMMAND...
  subunit-proxy run [OPTIONS] [TEST...] --channel 'CHANNEL COMMAND...' [--channel ...]
)",
    R"(CHANNEL COMMAND starts `subunit-proxy serve` on the test machine and connects it to its own stdin
and stdout. Several of them share the tests; such a command is split into words as a shell does it,
without expanding anything. Without TEST, --load-list or --match, all tests run.

Exit status: 0 everything asked for passed, 1 a test failed, 2 bad usage, 3 the run could not be
completed.

Examples:
  subunit-proxy run -- ssh board subunit-proxy serve -- python3 -m subunit_rpc discover
  subunit-proxy run --list -- podman exec -i box subunit-proxy serve --connect 9999
  subunit-proxy run --direct --match net -- ssh -W localhost:9999 board
  subunit-proxy run --pty -- podman run -it image subunit-proxy serve -- python3 -m subunit_rpc
)"};

class RunCommand : public Subcommand {
 public:
  explicit RunCommand(CLI::App& parent) : Subcommand(parent, kText) {
    add_selection_options(app_, options_);
    app_.add_option("--match", options_.match,
                    "only tests in whose id REGEX is found; may be repeated")
        ->option_text("REGEX")
        ->allow_extra_args(false);
    app_.add_option("--format", format_, "human, subunit, or with --list ids (human on a terminal)")
        ->option_text("FORMAT")
        ->transform(CLI::CheckedTransformer(std::map<std::string, Format>{
            {"human", Format::kHuman}, {"subunit", Format::kSubunit}, {"ids", Format::kIds}}));
    app_.add_option("--color", options_.color,
                    "color of what people read: auto, always, never (auto)")
        ->option_text("WHEN")
        ->transform(CLI::CheckedTransformer(std::map<std::string, Color>{
            {"auto", Color::kAuto}, {"always", Color::kAlways}, {"never", Color::kNever}}));
    app_.add_option("--trace", options_.trace,
                    "write the run to FILE as a Chrome trace, for Perfetto")
        ->option_text("FILE");
    app_.add_option("--channel", channels_, "a channel's command in one word; may be repeated")
        ->option_text("COMMAND")
        ->allow_extra_args(false);
    app_.add_option("--channels-from", channel_list_, "read such commands from FILE, one a line")
        ->option_text("FILE");
    add_channel_options(app_, options_);
    add_scheduling_options();
    add_limits();
  }

  Action action(std::vector<std::string> command) override {
    if (format_ == Format::kIds && !options_.list)
      throw CLI::ValidationError("--format ids goes with --list");
    if (options_.trace && options_.list)
      throw CLI::ValidationError("--trace is of a run: it does not go with --list");
    if (options_.isolated && options_.direct)
      throw CLI::ValidationError(
          "--isolated needs a proxy that starts the test server again: it does not go with "
          "--direct");
    if (options_.replay) {
      for (const char* other :
           {"--list", "--load-list", "--match", "--order", "--group", "tests"}) {
        if (!app_.get_option(other)->empty())
          throw CLI::ValidationError(fmt::format(
              "--replay says which tests run, and where: it does not go with {}", other));
      }
    }
    options_.keep_order = order_ == Order::kGiven;
    options_.channels = channels(std::move(command));
    options_.format = format_.value_or(::isatty(1) ? Format::kHuman : Format::kSubunit);
    return options_;
  }

 private:
  enum class Order { kAuto, kGiven };

  void add_scheduling_options() {
    app_.add_option("--order", order_,
                    "auto: the longest first, where durations are known; given (auto)")
        ->option_text("ORDER")
        ->transform(CLI::CheckedTransformer(
            std::map<std::string, Order>{{"auto", Order::kAuto}, {"given", Order::kGiven}}));
    app_.add_option("--group", options_.group,
                    "tests whose ids have the same match of REGEX stay together, in order")
        ->option_text("REGEX");
    app_.add_option("--history", options_.history,
                    "a subunit stream with durations: read before, replaced after the run")
        ->option_text("FILE");
    app_.add_flag("--isolated", options_.isolated, "each test in a server of its own");
    app_.add_option("--schedule-log", options_.schedule_log,
                    "write what was sent to which server, and when")
        ->option_text("FILE");
    app_.add_option("--replay", options_.replay, "send again what such a file says")
        ->option_text("FILE");
  }

  void add_limits() {
    add_seconds(app_, "--test-timeout", options_.test_timeout,
                "a test that takes longer has failed, and its server is replaced");
    add_seconds(app_, "--slow", options_.slow, "name a test that takes longer, while it runs");
  }

  std::vector<subunit::Words> channels(subunit::Words command) const {
    std::vector<subunit::Words> all;
    const auto add = [&all](const subunit::Result<std::vector<subunit::Words>>& commands) {
      if (!commands) throw CLI::ValidationError(commands.error().text);
      all.insert(all.end(), commands->begin(), commands->end());
    };
    for (const std::string& channel : channels_) add(subunit::split_commands(channel));
    if (channel_list_) add(read_channel_list(*channel_list_));
    if (all.empty() == command.empty()) {
      throw CLI::ValidationError(
          "run needs a CHANNEL COMMAND: one behind --, or any number with --channel and "
          "--channels-from");
    }
    if (all.empty()) all.push_back(std::move(command));
    return all;
  }

  RunOptions options_;
  Order order_ = Order::kAuto;
  std::vector<std::string> channels_;
  std::optional<std::string> channel_list_;
  std::optional<Format> format_;
};

}  // namespace

std::unique_ptr<Subcommand> make_run_command(CLI::App& parent) {
  return std::make_unique<RunCommand>(parent);
}

}  // namespace proxy
