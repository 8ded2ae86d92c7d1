#pragma once

#include <string>
#include <vector>

#include "proxy/posix/log.h"

namespace proxy {

/// What `subunit-proxy wrap` was asked to do.
struct WrapOptions {
  std::vector<std::string> command;  ///< writes a subunit stream, and other things, to its stdout
};

/// The exit status if the command could not be started, as shells have it.
inline constexpr int kWrapCannotStart = 127;

/// Runs the command and makes a clean stream of what it writes: packets stay as they are, the rest
/// becomes the attachment "stdout" of the test in progress, and tests still in progress at the end
/// have failed. Returns the exit status: the command's own, 128 + n if it was killed by signal n,
/// 127 if it could not be started, 74 if the stream could not be written.
[[nodiscard]] int wrap(const WrapOptions& options, const Log& log);

}  // namespace proxy
