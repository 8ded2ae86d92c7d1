#include "proxy/cli/run_options.h"
#include "proxy/cli/subcommand.h"

namespace proxy {
namespace {

constexpr Subcommand::Text kText{
    "testr", "what testr starts: run tests where .testr.conf says",
    "Usage: subunit-proxy testr [OPTIONS] [TEST...]\n",
    R"(A .testr.conf in the current directory has what testr starts, and where the test servers are:

  [DEFAULT]
  test_command=subunit-proxy testr $LISTOPT $IDOPTION
  test_list_option=--list
  test_id_option=--load-list $IDFILE
  server_command=ssh board subunit-proxy serve -- python3 -m subunit_rpc discover

server_command is split into words as a shell does it, and is the channel. More of them, each on an
indented line, are more channels. Without TEST and --load-list, all tests run.

Exit status: 0 the stream on stdout is complete, whatever the verdicts in it, 2 bad usage, 3 it is
not complete.
)"};

class TestrCommand : public Subcommand {
 public:
  explicit TestrCommand(CLI::App& parent) : Subcommand(parent, kText) {
    add_selection_options(app_, options_.run);
    add_channel_options(app_, options_.run);
  }

  Action action(std::vector<std::string> command) override {
    // testr puts what follows its own "--" behind the command.
    options_.run.tests.insert(options_.run.tests.end(), command.begin(), command.end());
    options_.config = ".testr.conf";
    return options_;
  }

 private:
  TestrOptions options_;
};

}  // namespace

std::unique_ptr<Subcommand> make_testr_command(CLI::App& parent) {
  return std::make_unique<TestrCommand>(parent);
}

}  // namespace proxy
