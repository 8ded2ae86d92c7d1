#include "proxy/cli/options/shared_options.h"
#include "proxy/cli/subcommand.h"

namespace proxy {
namespace {

constexpr OptionSet::Text kText{
    .name = "command-server",
    .description = "the test server that `serve --test-command` and `serve --adapter` start",
    .usage = R"(Usage:
  subunit-proxy command-server [OPTIONS] -- TEMPLATE
  subunit-proxy command-server [OPTIONS] --adapter NAME -- COMMAND...
)",
    .footer =
        R"(Connects to the proxy at SUBUNIT_RPC_LOCAL or SUBUNIT_RPC_ADDRESS, and answers each List and Run by
running TEMPLATE or COMMAND.
This is internal: use `subunit-proxy serve --test-command` or `serve --adapter` instead.

Exit status:
  0  the client has sent Goodbye
  2  bad usage
  3  anything else
)",
    .hidden = true};

class CommandServerCommand : public Subcommand {
 public:
  CommandServerCommand() : Subcommand(kText) {
    add_test_command_options(options_, text_);
    add_adapter_options(options_, adapter_);
    options_.seconds("--grace", "how long a command that has to end gets between TERM and KILL",
                     grace_);
  }

  Action action(std::vector<std::string> command) override {
    if (!adapter_.name.empty()) {
      if (command.empty()) throw UsageError("command-server --adapter needs a COMMAND after --");
      return CommandServerOptions{
          CommandServerOptions::Program{std::move(adapter_.name), std::move(command)},
          adapter_.batch, grace_};
    }
    if (command.size() != 1)
      throw UsageError("command-server needs one TEMPLATE after --, as one quoted argument");
    text_.command = std::move(command[0]);
    return CommandServerOptions{parse_test_command(text_), adapter_.batch, grace_};
  }

 private:
  subunit::command::CommandTemplate::Text text_;
  AdapterOptions adapter_;
  subunit::Time grace_ = std::chrono::seconds(2);
};

}  // namespace

std::unique_ptr<Subcommand> make_command_server_command(bool) {
  return std::make_unique<CommandServerCommand>();
}

}  // namespace proxy
