#include <fmt/core.h>

#include "proxy/cli/shared_options.h"
#include "proxy/cli/subcommand.h"
#include "proxy/testr/channel_list.h"

namespace proxy {
namespace {

constexpr OptionSet::Text kText{
    "run", "open a channel, and list or run the tests at its other end",
    R"(Usage:
  subunit-proxy run [OPTIONS] [TEST...] -- CHANNEL COMMAND...
  subunit-proxy run [OPTIONS] [TEST...] --channel 'CHANNEL COMMAND...' [--channel ...]
)",
    R"(CHANNEL COMMAND starts `subunit-proxy serve` on the test machine and connects it to its own stdin
and stdout. The servers of several channels share the tests. A command given with --channel is split
into words as a shell does it, but nothing is expanded. TEST is the id of a test; without TEST,
--load-list or --match, all tests run.

Exit status:
  0  every requested test passed
  1  a test failed
  2  bad usage
  3  the run could not be completed; stderr tells why

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
    options_.texts(
        {"--match", "REGEX", "only tests whose id contains a match of REGEX; may be repeated"},
        run_.match);
    options_.choice(
        {"--format", "FORMAT",
         "human, subunit, or ids with --list (on a terminal human, else subunit)"},
        {{"human", Format::kHuman}, {"subunit", Format::kSubunit}, {"ids", Format::kIds}},
        run_.format);
    options_.choice(
        {"--color", "WHEN", "use color in what people read: auto, always, never (auto)"},
        {{"auto", ColorMode::kAuto}, {"always", ColorMode::kAlways}, {"never", ColorMode::kNever}},
        run_.color);
    options_.text(
        {"--trace", "FILE", "write the run to FILE as a Chrome trace, for ui.perfetto.dev"},
        run_.trace);
    options_.texts(
        {"--channel", "COMMAND", "a channel's command, as one quoted argument; may be repeated"},
        channels_);
    options_.text({"--channels-from", "FILE", "read such commands from FILE, one per line"},
                  channel_list_);
    add_channel_options(options_, run_);
    add_scheduling_options();
    add_limits();
  }

  Action action(std::vector<std::string> command) override {
    if (run_.format == Format::kIds && !run_.list) throw UsageError("--format ids needs --list");
    if (run_.trace && run_.list)
      throw UsageError("--trace cannot be used with --list: without a run there is no trace");
    if (run_.isolated && run_.direct)
      throw UsageError(
          "--isolated cannot be used with --direct: it needs a proxy that starts the test server "
          "again");
    if (run_.replay) {
      for (const char* other :
           {"--list", "--load-list", "--match", "--order", "--group", "tests"}) {
        if (options_.given(other))
          throw UsageError(fmt::format(
              "--replay cannot be used with {}: the file decides which tests run, and where",
              other));
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
        {"--order", "ORDER", "auto (the longest first, where durations are known) or given (auto)"},
        {{"auto", Order::kAuto}, {"given", Order::kGiven}}, order_);
    options_.text(
        {"--group", "REGEX", "tests with the same match of REGEX in their ids run on one server"},
        run_.group);
    options_.text({"--history", "FILE",
                   "durations, as a subunit stream: read before the run, replaced after it"},
                  run_.history);
    options_.flag("--isolated", "run each test in a new server", run_.isolated);
    options_.text(
        {"--schedule-log", "FILE", "write to FILE which tests were sent to which worker, and when"},
        run_.schedule_log);
    options_.text(
        {"--replay", "FILE", "send the tests in such a file to the same workers in the same order"},
        run_.replay);
  }

  void add_limits() {
    options_.seconds("--test-timeout", "a test that takes longer fails, and its server is replaced",
                     run_.test_timeout);
    options_.seconds("--slow", "name each test that takes longer, while it is still running",
                     run_.slow);
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
          "run needs a CHANNEL COMMAND: either one after --, or any number of them with --channel "
          "and --channels-from");
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
