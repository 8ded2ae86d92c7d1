#pragma once

#include <string>

#include "proxy/client/options.h"
#include "proxy/io/log.h"

namespace proxy {

/// What `subunit-proxy testr` or `subunit-proxy python` was asked to do: a run whose channels stand
/// in the configuration of the tool that starts it.
struct TestrOptions {
  RunOptions run;
  std::string config;  ///< a file; see read_server_commands()
};

/// Runs it, and returns the exit status: 0 if the stream on stdout is complete, whatever the
/// verdicts in it, and 3 otherwise.
[[nodiscard]] int testr(const TestrOptions& options, const Log& log);

}  // namespace proxy
