#pragma once

#include <optional>

#include "proxy/io/log.h"
#include "proxy/serve/options.h"

namespace proxy {

/// What the command line asks for: at most one of the subcommands, or, with none, to end with
/// `exit_status` because help was printed or the line was wrong (2).
struct CommandLine {
  std::optional<ServeOptions> serve;
  LogLevel log_level = LogLevel::kWarning;
  int exit_status = 2;
};

[[nodiscard]] CommandLine parse_command_line(int argc, char** argv);

}  // namespace proxy
