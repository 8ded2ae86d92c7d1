#include <unistd.h>

#include "proxy/cli/subcommand.h"

namespace proxy {
namespace {

constexpr Subcommand::Text kText{
    "run", "open a channel, and list or run the tests behind it",
    "Usage: subunit-proxy run [OPTIONS] [TEST...] -- CHANNEL COMMAND...\n",
    R"(CHANNEL COMMAND starts `subunit-proxy serve` on the test machine and connects it to its own stdin
and stdout. Without TEST, --load-list or --match, all tests run.

Exit status: 0 everything asked for passed, 1 a test failed, 2 bad usage, 3 the run could not be
completed.

Examples:
  subunit-proxy run -- ssh board subunit-proxy serve -- python3 -m subunit_rpc discover
  subunit-proxy run --list -- podman exec -i box subunit-proxy serve --connect 9999
  subunit-proxy run --direct --match net -- ssh -W localhost:9999 board
)"};

class RunCommand : public Subcommand {
 public:
  explicit RunCommand(CLI::App& parent) : Subcommand(parent, kText) {
    app_.add_option("tests", options_.tests, "ids of the tests");
    app_.add_flag("--list", options_.list, "list the tests, do not run them");
    app_.add_option("--load-list", options_.load_list, "read ids from FILE, one a line; - is stdin")
        ->option_text("FILE");
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
    app_.add_flag("--direct", options_.direct,
                  "a test server at the other end of the channel, and no proxy");
    add_seconds(app_, "--ready-timeout", options_.ready_timeout, "how long to wait for the proxy");
    add_seconds(app_, "--attach-timeout", options_.attach_timeout,
                "then for a test server to be there");
    add_seconds(app_, "--hello-timeout", options_.hello_timeout, "then for its answer");
  }

  Action action(std::vector<std::string> command) override {
    if (command.empty()) throw CLI::ValidationError("run needs a CHANNEL COMMAND behind --");
    if (format_ == Format::kIds && !options_.list)
      throw CLI::ValidationError("--format ids goes with --list");
    if (options_.trace && options_.list)
      throw CLI::ValidationError("--trace is of a run: it does not go with --list");
    options_.channels = {std::move(command)};
    options_.format = format_.value_or(::isatty(1) ? Format::kHuman : Format::kSubunit);
    return options_;
  }

 private:
  RunOptions options_;
  std::optional<Format> format_;
};

}  // namespace

std::unique_ptr<Subcommand> make_run_command(CLI::App& parent) {
  return std::make_unique<RunCommand>(parent);
}

}  // namespace proxy
