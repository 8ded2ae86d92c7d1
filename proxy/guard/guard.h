#pragma once

#include <sys/types.h>

#include <string>

#include "proxy/posix/log.h"

namespace proxy {

/// What `subunit-proxy guard` was asked to do.
struct GuardOptions {
  pid_t parent = 0;    ///< who has started it
  std::string folder;  ///< to remove at the end; empty: none
};

/// Waits for the end of its parent, and then ends what that has started; returns the exit status.
/// GuardProcess is the parent's side, and tells what this is for.
[[nodiscard]] int guard(const GuardOptions& options, const Log& log);

}  // namespace proxy
