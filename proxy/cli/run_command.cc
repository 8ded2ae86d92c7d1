#include <fmt/core.h>

#include "proxy/cli/shared_options.h"
#include "proxy/cli/subcommand.h"
#include "proxy/testr/channel_list.h"

namespace proxy {
namespace {

constexpr OptionSet::Text kText{
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
  explicit RunCommand(bool terminal) : Subcommand(kText) {
    run_.format = terminal ? Format::kHuman : Format::kSubunit;
    add_selection_options(options_, run_);
    options_.texts({"--match", "REGEX", "only tests in whose id REGEX is found; may be repeated"},
                   run_.match);
    options_.choice(
        {"--format", "FORMAT", "human, subunit, or with --list ids (human on a terminal)"},
        {{"human", Format::kHuman}, {"subunit", Format::kSubunit}, {"ids", Format::kIds}},
        run_.format);
    options_.choice(
        {"--color", "WHEN", "color of what people read: auto, always, never (auto)"},
        {{"auto", ColorMode::kAuto}, {"always", ColorMode::kAlways}, {"never", ColorMode::kNever}},
        run_.color);
    options_.text({"--trace", "FILE", "write the run to FILE as a Chrome trace, for Perfetto"},
                  run_.trace);
    options_.texts({"--channel", "COMMAND", "a channel's command in one word; may be repeated"},
                   channels_);
    options_.text({"--channels-from", "FILE", "read such commands from FILE, one a line"},
                  channel_list_);
    add_channel_options(options_, run_);
    add_scheduling_options();
    add_limits();
  }

  Action action(std::vector<std::string> command) override {
    if (run_.format == Format::kIds && !run_.list)
      throw UsageError("--format ids goes with --list");
    if (run_.trace && run_.list)
      throw UsageError("--trace is of a run: it does not go with --list");
    if (run_.isolated && run_.direct)
      throw UsageError(
          "--isolated needs a proxy that starts the test server again: it does not go with "
          "--direct");
    if (run_.replay) {
      for (const char* other :
           {"--list", "--load-list", "--match", "--order", "--group", "tests"}) {
        if (options_.given(other))
          throw UsageError(fmt::format(
              "--replay says which tests run, and where: it does not go with {}", other));
      }
    }
    run_.keep_order = order_ == Order::kGiven;
    run_.channels = channels(std::move(command));
    return run_;
  }

 private:
  enum class Order { kAuto, kGiven };

  void add_scheduling_options() {
    options_.choice(
        {"--order", "ORDER", "auto: the longest first, where durations are known; given (auto)"},
        {{"auto", Order::kAuto}, {"given", Order::kGiven}}, order_);
    options_.text({"--group", "REGEX",
                   "tests whose ids have the same match of REGEX stay together, in order"},
                  run_.group);
    options_.text({"--history", "FILE",
                   "a subunit stream with durations: read before, replaced after the run"},
                  run_.history);
    options_.flag("--isolated", "each test in a server of its own", run_.isolated);
    options_.text({"--schedule-log", "FILE", "write what was sent to which server, and when"},
                  run_.schedule_log);
    options_.text({"--replay", "FILE", "send again what such a file says"}, run_.replay);
  }

  void add_limits() {
    options_.seconds("--test-timeout",
                     "a test that takes longer has failed, and its server is replaced",
                     run_.test_timeout);
    options_.seconds("--slow", "name a test that takes longer, while it runs", run_.slow);
  }

  std::vector<subunit::Words> channels(subunit::Words command) const {
    std::vector<subunit::Words> all;
    const auto add = [&all](const std::vector<subunit::Words>& commands) {
      all.insert(all.end(), commands.begin(), commands.end());
    };
    for (const std::string& channel : channels_) add(value_of(subunit::split_commands(channel)));
    if (channel_list_) add(value_of(read_channel_list(*channel_list_)));
    if (all.empty() == command.empty()) {
      throw UsageError(
          "run needs a CHANNEL COMMAND: one behind --, or any number with --channel and "
          "--channels-from");
    }
    if (all.empty()) all.push_back(std::move(command));
    return all;
  }

  RunOptions run_;
  Order order_ = Order::kAuto;
  std::vector<std::string> channels_;
  std::optional<std::string> channel_list_;
};

}  // namespace

std::unique_ptr<Subcommand> make_run_command(bool terminal) {
  return std::make_unique<RunCommand>(terminal);
}

}  // namespace proxy
