#include "proxy/cli/subcommand.h"
#include "proxy/cli/test_command.h"

namespace proxy {
namespace {

constexpr Subcommand::Text kText{
    "command-server", "the test server that `serve --test-command` starts",
    "Usage: subunit-proxy command-server [OPTIONS] -- TEMPLATE\n",
    R"(Dials in to the proxy that SUBUNIT_RPC_ADDRESS names, and answers each List and Run by running
TEMPLATE. `serve --test-command` is what people use.

Exit status: 0 the client has said Goodbye, 2 bad usage, 3 anything else.
)"};

class CommandServerCommand : public Subcommand {
 public:
  explicit CommandServerCommand(CLI::App& parent) : Subcommand(parent, kText) {
    app_.group("");  // not in the list of subcommands
    add_test_command_options(app_, text_);
    add_seconds(app_, "--grace", grace_, "between TERM and KILL, when a command has to end");
  }

  Action action(std::vector<std::string> command) override {
    if (command.size() != 1)
      throw CLI::ValidationError("command-server needs one TEMPLATE behind --");
    text_.command = std::move(command[0]);
    return CommandServerOptions{parse_test_command(text_), grace_};
  }

 private:
  subunit::CommandTemplate::Text text_;
  subunit::Time grace_ = std::chrono::seconds(2);
};

}  // namespace

std::unique_ptr<Subcommand> make_command_server_command(CLI::App& parent) {
  return std::make_unique<CommandServerCommand>(parent);
}

}  // namespace proxy
