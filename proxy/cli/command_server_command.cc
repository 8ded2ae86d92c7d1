#include "proxy/cli/shared_options.h"
#include "proxy/cli/subcommand.h"

namespace proxy {
namespace {

constexpr OptionSet::Text kText{
    .name = "command-server",
    .description = "the test server that `serve --test-command` starts",
    .usage = "Usage: subunit-proxy command-server [OPTIONS] -- TEMPLATE\n",
    .footer =
        R"(Dials in to the proxy that SUBUNIT_RPC_ADDRESS names, and answers each List and Run by running
TEMPLATE. `serve --test-command` is what people use.

Exit status: 0 the client has said Goodbye, 2 bad usage, 3 anything else.
)",
    .hidden = true};

class CommandServerCommand : public Subcommand {
 public:
  CommandServerCommand() : Subcommand(kText) {
    add_test_command_options(options_, text_);
    options_.seconds("--grace", "between TERM and KILL, when a command has to end", grace_);
  }

  Action action(std::vector<std::string> command) override {
    if (command.size() != 1) throw UsageError("command-server needs one TEMPLATE behind --");
    text_.command = std::move(command[0]);
    return CommandServerOptions{parse_test_command(text_), grace_};
  }

 private:
  subunit::command::CommandTemplate::Text text_;
  subunit::Time grace_ = std::chrono::seconds(2);
};

}  // namespace

std::unique_ptr<Subcommand> make_command_server_command() {
  return std::make_unique<CommandServerCommand>();
}

}  // namespace proxy
