#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"

namespace proxy {

/// What `subunit-proxy serve` was asked to do.
struct ServeOptions {
  std::optional<std::string> connect;  ///< where a test server listens
  std::optional<std::string> listen;   ///< where one dials in; the default if there is a command
  std::vector<std::string> command;    ///< starts the test server; empty: somebody else does
  subunit::Time attach_timeout = std::chrono::seconds(60);
  subunit::Time grace = std::chrono::seconds(5);
  bool any_owner = false;
  std::optional<int> ready_fd;
};

}  // namespace proxy
