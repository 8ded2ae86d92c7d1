#pragma once

#include "common/base/time.h"
#include "common/command/command_template.h"
#include "proxy/posix/log.h"

namespace proxy {

/// What `subunit-proxy command-server` was asked to do.
struct CommandServerOptions {
  subunit::command::CommandTemplate command;
  subunit::Time grace;  ///< between TERM and KILL, when a command has to end
};

/// A test server (common/rpc/PROTOCOL.md) for suites that have none: dials in to the proxy that has
/// started it, and answers each List and Run by running a command. Returns the exit status: 0 after
/// a Goodbye, 3 otherwise.
[[nodiscard]] int command_server(const CommandServerOptions& options, const Log& log);

}  // namespace proxy
