#pragma once

#include "proxy/command_server/options.h"
#include "proxy/posix/log.h"

namespace proxy {

/// A test server (common/rpc/PROTOCOL.md) for suites that have none: dials in to the proxy that has
/// started it, and answers each List and Run by running a command. Returns the exit status: 0 after
/// a Goodbye, 3 otherwise.
[[nodiscard]] int command_server(const CommandServerOptions& options, const Log& log);

}  // namespace proxy
