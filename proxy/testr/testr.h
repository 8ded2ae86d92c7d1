#pragma once

#include <string>

#include "proxy/posix/log.h"
#include "proxy/run/run.h"

namespace proxy {

/// What `subunit-proxy testr` or `subunit-proxy python` was asked to do: a run whose channels stand
/// in the configuration of the tool that starts it. As with every test command of these tools, the
/// names are a filter, and the order is that of the suite: what they write into a list of names
/// comes out of a set.
struct TestrOptions {
  RunOptions run;
  std::string config;  ///< a file; see read_server_commands()
};

/// Runs it, and returns the exit status: 0 if the stream on stdout is complete, whatever the
/// verdicts in it, and 3 otherwise.
[[nodiscard]] int testr(const TestrOptions& options, const Log& log);

}  // namespace proxy
