#pragma once

#include <string>
#include <vector>

#include "proxy/cli/action.h"
#include "proxy/posix/log.h"

namespace proxy {

struct CommandLine {
  Action action;
  LogLevel log_level = LogLevel::kWarning;
};

/// Reads the words that follow the name of the program. `terminal`: stdout is one. Prints nothing.
/// What options name is looked at: files with channels, hosts, descriptors.
[[nodiscard]] CommandLine parse_command_line(const std::vector<std::string>& words, bool terminal);

}  // namespace proxy
