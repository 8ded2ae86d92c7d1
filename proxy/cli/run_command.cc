#include <fmt/core.h>

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <map>
#include <random>
#include <utility>

#include "common/base/text.h"
#include "common/push/push_words.h"
#include "proxy/cli/options/channel_words.h"
#include "proxy/cli/options/client_options.h"
#include "proxy/cli/options/config_options.h"
#include "proxy/cli/options/repeat_command.h"
#include "proxy/cli/subcommand.h"

namespace proxy {
namespace {

constexpr OptionSet::Text kText{
    "run", "open a channel, and list or run the tests at its other end",
    R"(Usage:
  subunit-proxy run [OPTIONS] [TEST...] -- CHANNEL COMMAND...
  subunit-proxy run [OPTIONS] [TEST...] --channel 'CHANNEL COMMAND...' [--channel ...]
  subunit-proxy run --push [OPTIONS] [TEST...] -- SHELL COMMAND... -- SERVER COMMAND...
)",
    R"(CHANNEL COMMAND starts `subunit-proxy serve` on the test machine and connects it to its own stdin
and stdout. The servers of several channels share the tests. A command given with --channel is split
into words as a shell does it, but nothing is expanded. TEST is the id of a test; without TEST,
--load-list or --match, all tests run.

With --push, nothing needs to be installed on the test machine. SHELL COMMAND gives a shell there,
on its stdin: `ssh board`, `podman exec -i box sh`. Through it subunit-proxy is brought there,
unless it is there already, and started. Options of `subunit-proxy serve` may stand before SERVER
COMMAND: `--workers 4 -- COMMAND`.

Exit status:
  0  every requested test passed
  1  a test failed
  2  bad usage, or nothing to run
  3  the run could not be completed; stderr tells why

Examples:
  subunit-proxy run -- ssh board subunit-proxy serve -- python3 -m subunit_rpc discover
  subunit-proxy run --push -- ssh board -- --adapter tap -- ./run_tests.sh
  subunit-proxy run --list -- podman exec -i box subunit-proxy serve --connect 9999
  subunit-proxy run --direct --match net -- ssh -W localhost:9999 board
  subunit-proxy run --pty -- podman run -it image subunit-proxy serve -- python3 -m subunit_rpc
)"};

class RunCommand : public Subcommand {
 public:
  explicit RunCommand(bool terminal) : Subcommand(kText) {
    run_.format = terminal ? Format::kHuman : Format::kSubunit;
    run_.annotate = Annotate::kAuto;
    add_selection_options(options_, run_);
    config_.add();
    options_.texts(
        {"--match", "REGEX", "only tests whose id contains a match of REGEX; may be repeated"},
        run_.match);
    options_.flag("--failed", "only tests that failed, or were not run, last time, by --history",
                  run_.failed);
    options_.require("--failed", "--history");
    options_.text(
        {"--partition", "PART", "slice:K/N or hash:K/N: only the Kth of N parts of the tests"},
        [this](const std::string& text) {
          run_.partition = value_of(subunit::run::Partition::parse(text));
        });
    options_.flag("--allow-empty", "a run without any test is a success", run_.allow_empty);
    options_.choice(
        {"--format", "FORMAT",
         "human, subunit, or ids with --list (on a terminal human, else subunit)"},
        {{"human", Format::kHuman}, {"subunit", Format::kSubunit}, {"ids", Format::kIds}},
        run_.format);
    options_.choice(
        {"--color", "WHEN", "use color in what people read: auto, always, never (auto)"},
        {{"auto", ColorMode::kAuto}, {"always", ColorMode::kAlways}, {"never", ColorMode::kNever}},
        run_.color);
    options_.flag("--full-traceback", "show frames of the test framework in tracebacks, too",
                  run_.full_tracebacks);
    options_.flag("--live",
                  "show what tests print while they run, each line with its test in front",
                  run_.live);
    options_.text(
        {"--trace", "FILE", "write the run to FILE as a Chrome trace, for ui.perfetto.dev"},
        run_.trace);
    options_.text({"--junit", "FILE", "write the results to FILE as JUnit XML, for CI systems"},
                  run_.junit);
    options_.flag("--junit-places", "add the file and line of failures, outside of its schema",
                  run_.junit_places);
    options_.require("--junit-places", "--junit");
    options_.text({"--html", "FILE", "write the results to FILE as a page for a browser"},
                  run_.html);
    options_.choice(
        {"--annotate", "WHO", "errors and a step summary for CI: auto, github, never (auto)"},
        {{"auto", Annotate::kAuto}, {"github", Annotate::kGithub}, {"never", Annotate::kNever}},
        run_.annotate);
    channels_.add();
    add_channel_options(options_, run_);
    add_scheduling_options();
    add_limits();
    add_retry_options();
    add_repeat_options();
    add_spread_options();
    add_hook_options();
  }

  Action action(std::vector<std::string> command) override {
    if (config_.shows()) return Answer{Answer::Kind::kHelp, config_.text(run_.tests, command)};
    if (run_.format == Format::kIds && !run_.list) throw UsageError("--format ids needs --list");
    if (run_.live && run_.format != Format::kHuman && config_.is_own("--live"))
      throw UsageError("--live needs --format human: it is for people");
    check_report("--trace", run_.trace, "there is no trace");
    check_report("--junit", run_.junit, "there are no results");
    check_report("--html", run_.html, "there are no results");
    check_files_differ();
    if (run_.isolated && run_.direct)
      throw UsageError(
          "--isolated cannot be used with --direct: it needs a proxy that starts the test server "
          "again");
    if (run_.replay) check_replay();
    if (run_.spread != subunit::run::Spread::kOnce) check_spread();
    run_.keep_order = order_ == Order::kGiven;
    const bool are_own = channels_.are_own(command);
    run_.again = repeat_command(options_, command, are_own, config_.folder());
    run_.channels = channels_.take(run_.tests, std::move(command));
    if (!are_own) run_.line.folder = config_.folder();
    place_hooks();
    if (run_.line.push)
      for (const subunit::Words& words : run_.channels)
        (void)value_of(subunit::push::split_push_words(words));
    return run_;
  }

 private:
  enum class Order { kAuto, kGiven };

  static std::uint32_t seed_of(const std::string& text) {
    if (text.empty()) return std::random_device()();
    std::uint32_t seed = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), seed);
    if (failure != std::errc() || end != text.data() + text.size())
      throw UsageError(fmt::format("--shuffle: \"{}\" is not a whole number from 0 to {}",
                                   subunit::escaped(text), UINT32_MAX));
    return seed;
  }

  static constexpr int kMaxTests = 1 << 30;
  static constexpr int kMaxRetries = 1000;

  void add_scheduling_options() {
    options_.choice(
        {"--order", "ORDER", "auto (the longest first, where durations are known) or given (auto)"},
        {{"auto", Order::kAuto}, {"given", Order::kGiven}}, order_);
    options_.flag({"--shuffle", "[ SEED]", "run the tests in an order that looks like chance"},
                  [this](const std::string& seed) { run_.shuffle = seed_of(seed); });
    options_.text(
        {"--group", "REGEX", "tests with the same match of REGEX in their ids run on one server"},
        run_.group);
    add_resource_options();
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

  void add_resource_options() {
    options_.texts({"--resource", "RULE",
                    "NAME=N[,per-channel]:REGEX: at most N tests with a match at a time"},
                   [this](const std::string& text) {
                     run_.resources.push_back(value_of(subunit::run::ResourceRule::parse(text)));
                   });
    options_.texts(
        {"--exclusive", "REGEX", "nothing runs beside such a test on its channel; may be repeated"},
        run_.exclusive);
    options_.texts({"--exclusive-in-run", "REGEX", "the same in the whole run"},
                   run_.exclusive_in_run);
  }

  void add_limits() {
    options_.seconds("--test-timeout", "a test that takes longer fails, and its server is replaced",
                     run_.test_timeout);
    options_.seconds("--slow", "name each test that takes longer, while it is still running",
                     run_.slow);
  }

  void add_retry_options() {
    options_.integer({"--max-fail", "N", "after N failures, begin no other test"}, 1, kMaxTests,
                     [this](int failures) { run_.max_fail = failures; });
    options_.flag({"-x", nullptr, "the same as --max-fail 1"},
                  [this](const std::string&) { run_.max_fail = 1; });
    options_.exclude("-x", "--max-fail");
    options_.integer(
        {"--retries", "N", "run a test that fails up to N times more; if it passes, it is flaky"},
        0, kMaxRetries, [this](int retries) { run_.retries = retries; });
    options_.choice({"--flaky", "VERDICT", "whether flaky tests pass or fail the run (pass)"},
                    {{"pass", false}, {"fail", true}}, run_.flaky_fails);
  }

  /// What a configuration file has of these is for runs.
  void check_report(const char* option, std::optional<std::string>& file, const char* lacks) const {
    if (run_.list && !config_.is_own(option)) file.reset();
    if (file && run_.list)
      throw UsageError(
          fmt::format("{} cannot be used with --list: without a run {}", option, lacks));
    if (file == "-" && option != std::string_view("--trace"))
      throw UsageError(
          fmt::format("{} cannot write to stdout, where the results are: name a file", option));
  }

  /// Each of these files is written as a whole: of two with one name, one would be lost.
  void check_files_differ() const {
    std::map<std::filesystem::path, const char*> options;
    for (const auto& [option, file] :
         {std::pair("--trace", run_.trace), std::pair("--junit", run_.junit),
          std::pair("--html", run_.html), std::pair("--history", run_.history),
          std::pair("--schedule-log", run_.schedule_log)}) {
      if (!file || file == "-" || file->starts_with("/dev/")) continue;
      const auto [other, is_new] =
          options.emplace(std::filesystem::absolute(*file).lexically_normal(), option);
      if (!is_new)
        throw UsageError(fmt::format("{} and {} name the same file, \"{}\"", other->second, option,
                                     subunit::escaped(*file)));
    }
  }

  void add_repeat_options() {
    options_.integer({"--repeat", "N", "run the tests N times, in rounds"}, 1, kMaxTests,
                     [this](int rounds) { run_.repeat = rounds; });
    options_.flag("--until-failure", "repeat until a round has a failure", run_.until_failure);
    options_.seconds("--time", "repeat, and begin no round after so long", run_.repeat_time);
    options_.check([this] {
      const bool has_other_end = run_.until_failure || run_.repeat_time;
      if (has_other_end && !options_.given("--repeat")) run_.repeat = 0;
    });
  }

  void add_spread_options() {
    using subunit::run::Spread;
    options_.flag({"--each", nullptr, "run every test on each channel, not on one of them"},
                  [this](const std::string&) { run_.spread = Spread::kEachChannel; });
    options_.texts(
        {"--stress", "TEST", "run TEST on all servers at once until it fails; may be repeated"},
        [this](const std::string& id) {
          if (id.empty()) throw UsageError("--stress: the id of the test is empty");
          run_.spread = Spread::kEachWorker;
          run_.until_failure = true;
          stressed_.push_back(id);
        });
    options_.exclude("--each", "--stress");
  }

  /// What cannot be had, where a test runs in several places, is refused, unless a configuration
  /// file has it for other runs.
  void check_spread() {
    const bool stresses = run_.spread == subunit::run::Spread::kEachWorker;
    const char* const option = stresses ? "--stress" : "--each";
    const auto refuse = [this, option](const char* other, const char* why) {
      if (config_.is_own(other))
        throw UsageError(fmt::format("{} cannot be used with {}: {}", option, other, why));
    };
    if (run_.retries > 0)
      refuse("--retries", "a test that fails would have to run again where it failed");
    run_.retries = 0;
    const char* const apart = "the servers know nothing of each other then";
    const auto is_of_run = [](const auto& rule) { return !rule.per_channel; };
    if (std::ranges::any_of(run_.resources, is_of_run))
      refuse("--resource",
             stresses ? apart : "its slots are of the whole run; NAME=N,per-channel can be had");
    if (!run_.exclusive_in_run.empty()) refuse("--exclusive-in-run", apart);
    std::erase_if(run_.resources, is_of_run);
    run_.exclusive_in_run.clear();
    if (!stresses) return;
    if (!run_.resources.empty()) refuse("--resource", apart);
    if (!run_.exclusive.empty()) refuse("--exclusive", apart);
    run_.resources.clear();
    run_.exclusive.clear();
    if (run_.list) refuse("--list", "it names the tests");
    if (run_.load_list) refuse("--load-list", "it names the tests");
    run_.load_list.reset();
    if (!run_.tests.empty())
      throw UsageError("--stress names the tests: ids of tests cannot be given beside it");
    run_.tests = stressed_;
  }

  void add_hook_options() {
    subunit::run::HookOptions& hooks = run_.hooks;
    const auto hook = [this](const char* name, const char* help,
                             std::optional<subunit::run::HookCommand>& command) {
      options_.text({name, "COMMAND", help}, [&command, name](const std::string& text) {
        if (text.empty()) throw UsageError(fmt::format("{}: the command is empty", name));
        command = {.text = text};
      });
    };
    hook("--setup", "run COMMAND in a shell on this machine first", hooks.setup);
    hook("--teardown", "run COMMAND last, whatever has happened", hooks.teardown);
    hook("--channel-setup", "the same before each channel is opened", hooks.channel_setup);
    hook("--channel-teardown", "the same after each channel has ended", hooks.channel_teardown);
    options_.seconds("--setup-timeout", "how long each of these may take", hooks.timeout);
  }

  /// Those in a configuration file start in its folder, as channels do.
  void place_hooks() {
    const auto place = [this](const char* name, std::optional<subunit::run::HookCommand>& command) {
      if (command && !config_.is_own(name)) command->folder = config_.folder();
    };
    place("--setup", run_.hooks.setup);
    place("--teardown", run_.hooks.teardown);
    place("--channel-setup", run_.hooks.channel_setup);
    place("--channel-teardown", run_.hooks.channel_teardown);
  }

  void check_replay() const {
    const auto refuse = [](const char* other) {
      throw UsageError(fmt::format(
          "--replay cannot be used with {}: the file decides which tests run, and where", other));
    };
    for (const char* other :
         {"--list", "--load-list", "--match", "--failed", "--partition", "--order", "--shuffle",
          "--group", "--retries", "--resource", "--exclusive", "--exclusive-in-run", "--repeat",
          "--until-failure", "--time", "--each", "--stress"})
      if (options_.given(other)) refuse(other);
    if (!run_.tests.empty()) refuse("ids of tests");
  }

  ConfigOptions config_{options_};
  RunOptions run_;
  Order order_ = Order::kAuto;
  ChannelWords channels_{options_, config_};
  subunit::Words stressed_;  // ids
};

}  // namespace

std::unique_ptr<Subcommand> make_run_command(bool terminal) {
  return std::make_unique<RunCommand>(terminal);
}

}  // namespace proxy
