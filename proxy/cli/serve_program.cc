#include "proxy/cli/program.h"
#include "proxy/cli/subcommand.h"

namespace proxy {
namespace {

constexpr Program::Entry kSubcommands[] = {
    {"serve", make_serve_command},
    {"wrap", make_wrap_command},
    {"command-server", make_command_server_command},
    {"guard", make_guard_command},
    {"self-check", make_self_check_command},
};

constexpr std::string_view kLeftOut[] = {"run", "testr", "python", "tunnel", "completion"};

}  // namespace

constinit const Program kServeProgram{
    .description =
        "The part of subunit-proxy for test machines: runs tests in warm server processes, and "
        "sends\n"
        "the results through a channel, such as ssh, whatever the tests print.",
    .subcommands = kSubcommands,
    .left_out = kLeftOut};

}  // namespace proxy
