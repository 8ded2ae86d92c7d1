#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "proxy/io/endpoint.h"

namespace proxy {

/// What `subunit-proxy serve` was asked to do.
struct ServeOptions {
  std::optional<Endpoint> connect;   ///< where a test server listens
  std::optional<Endpoint> listen;    ///< where one dials in; there is one of the two
  std::vector<std::string> command;  ///< starts the test server; empty: somebody else does
  subunit::Time attach_timeout = std::chrono::seconds(60);
  subunit::Time grace = std::chrono::seconds(5);
  bool any_owner = false;
  std::optional<int> ready_fd;
};

}  // namespace proxy
