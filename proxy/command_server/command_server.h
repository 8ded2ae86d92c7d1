#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/time.h"
#include "common/command/command_template.h"
#include "proxy/posix/log.h"

namespace proxy {

/// What `subunit-proxy command-server` was asked to do.
struct CommandServerOptions {
  /// A program of a test framework that the adapter of this name knows (subunit::adapter::Adapter).
  struct Program {
    std::string adapter;
    std::vector<std::string> words;
  };

  std::variant<subunit::command::CommandTemplate, Program> command;
  std::optional<int> batch;  ///< how many tests one command runs; nothing: as many as fit
  subunit::Time grace;       ///< between TERM and KILL, when a command has to end
};

/// How many tests a command server would like in one Run, if it was not told.
inline constexpr int kUsualBatch = 10;

/// A test server (common/rpc/PROTOCOL.md) for suites that have none: dials in to the proxy that has
/// started it, and answers each List and Run by running commands. Returns the exit status: 0 after
/// a Goodbye, 3 otherwise.
[[nodiscard]] int command_server(const CommandServerOptions& options, const Log& log);

}  // namespace proxy
