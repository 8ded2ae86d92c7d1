#include "proxy/cli/shared_options.h"
#include "proxy/cli/subcommand.h"

namespace proxy {
namespace {

constexpr OptionSet::Text kText{
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
  TestrCommand() : Subcommand(kText) {
    add_selection_options(options_, testr_.run);
    add_channel_options(options_, testr_.run);
  }

  Action action(std::vector<std::string> command) override {
    // testr puts what follows its own "--" behind the command.
    testr_.run.tests.insert(testr_.run.tests.end(), command.begin(), command.end());
    testr_.config = ".testr.conf";
    return testr_;
  }

 private:
  TestrOptions testr_;
};

}  // namespace

std::unique_ptr<Subcommand> make_testr_command() {
  return std::make_unique<TestrCommand>();
}

}  // namespace proxy
