#include "proxy/cli/options/client_options.h"
#include "proxy/cli/subcommand.h"

namespace proxy {
namespace {

constexpr OptionSet::Text kText{
    "testr", "for testr, as its test command: run the tests on the servers in .testr.conf",
    "Usage: subunit-proxy testr [OPTIONS] [TEST...]\n",
    R"(.testr.conf in the current directory tells testr what to start, and this subcommand how to reach the
test servers:

  [DEFAULT]
  test_command=subunit-proxy testr $LISTOPT $IDOPTION
  test_list_option=--list
  test_id_option=--load-list $IDFILE
  server_command=ssh board subunit-proxy serve -- python3 -m subunit_rpc discover

server_command is the command of the channel; it is split into words as a shell does it. Each
further, indented line is the command of a further channel. Without TEST and --load-list,
all tests run.

Exit status:
  0  the stream on stdout is complete, whether tests passed or failed
  2  bad usage
  3  the stream is not complete
)"};

class TestrCommand : public Subcommand {
 public:
  TestrCommand() : Subcommand(kText) {
    add_selection_options(options_, testr_.run);
    add_channel_options(options_, testr_.run);
  }

  Action action(std::vector<std::string> command) override {
    // testr appends what follows its own "--" to the command.
    testr_.run.tests.insert(testr_.run.tests.end(), command.begin(), command.end());
    testr_.config = ".testr.conf";
    return testr_;
  }

 private:
  TestrOptions testr_;
};

}  // namespace

std::unique_ptr<Subcommand> make_testr_command(bool) {
  return std::make_unique<TestrCommand>();
}

}  // namespace proxy
