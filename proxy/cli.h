#pragma once

#include <optional>
#include <variant>

#include "proxy/client/options.h"
#include "proxy/io/log.h"
#include "proxy/serve/options.h"
#include "proxy/wrap/wrap.h"

namespace proxy {

/// What the command line asks for.
struct CommandLine {
  /// An int: end with that status, because help was printed (0) or the line is wrong (2).
  std::variant<int, ServeOptions, WrapOptions, RunOptions> action = 2;
  LogLevel log_level = LogLevel::kWarning;
};

[[nodiscard]] CommandLine parse_command_line(int argc, char** argv);

}  // namespace proxy
