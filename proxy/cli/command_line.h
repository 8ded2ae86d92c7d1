#pragma once

#include "proxy/cli/subcommand.h"
#include "proxy/io/log.h"

namespace proxy {

/// What the command line asks for.
struct CommandLine {
  Action action = 2;
  LogLevel log_level = LogLevel::kWarning;
};

[[nodiscard]] CommandLine parse_command_line(int argc, char** argv);

}  // namespace proxy
