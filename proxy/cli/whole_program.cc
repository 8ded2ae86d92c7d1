#include "proxy/cli/program.h"
#include "proxy/cli/subcommand.h"

namespace proxy {
namespace {

constexpr Program::Entry kSubcommands[] = {
    {"serve", make_serve_command},
    {"wrap", make_wrap_command},
    {"run", make_run_command},
    {"testr", make_testr_command},
    {"python", make_python_command},
    {"tunnel", make_tunnel_command},
    {"command-server", make_command_server_command},
    {"guard", make_guard_command},
    {"self-check", make_self_check_command},
    {"completion", make_completion_command},
};

}  // namespace

constinit const Program kWholeProgram{
    .description =
        "Runs tests in warm server processes at the other end of a channel, such as ssh, and "
        "brings\n"
        "the results back as a clean subunit stream, whatever the tests print.",
    .subcommands = kSubcommands,
    .left_out = {}};

}  // namespace proxy
