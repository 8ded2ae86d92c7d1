#include "proxy/cli/subcommand.h"

namespace proxy {
namespace {

constexpr OptionSet::Text kText{
    "wrap", "run a test command without a server, and clean its stream",
    "Usage: subunit-proxy wrap [OPTIONS] -- COMMAND...\n",
    R"(The packets that COMMAND writes to its stdout stay as they are. Everything else there becomes the
attachment "stdout" of the test that was running. Tests that have not ended when COMMAND ends have
failed.

Exit status:
  that of COMMAND; 128 + n if signal n killed it
  127  COMMAND could not be started
   74  the stream could not be written
    2  bad usage

Example:
  subunit-proxy wrap -- python3 -m subunit.run mytests | subunit2pyunit
)"};

class WrapCommand : public Subcommand {
 public:
  WrapCommand() : Subcommand(kText) {}

  Action action(std::vector<std::string> command) override {
    if (command.empty()) throw UsageError("wrap needs a COMMAND after --");
    return WrapOptions{std::move(command)};
  }
};

}  // namespace

std::unique_ptr<Subcommand> make_wrap_command(bool) {
  return std::make_unique<WrapCommand>();
}

}  // namespace proxy
