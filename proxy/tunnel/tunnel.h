#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proxy/channel/line_options.h"
#include "proxy/net/endpoint.h"
#include "proxy/posix/log.h"

namespace proxy {

/// What `subunit-proxy tunnel` was asked to do.
struct TunnelOptions {
  std::vector<std::string> channel;  ///< a command whose stdin and stdout are the channel
  LineOptions line;
  std::optional<Endpoint> listen;  ///< where the client connects; otherwise stdin and stdout
  bool any_owner = false;          ///< serve a client of another user, too
  std::optional<int> ready_fd;
};

/// Carries bytes from a client to the channel, and packets back; what is no packet becomes a file
/// packet. One client, one channel, opened once the client is there. Returns the exit status: 0 if
/// the channel's command ended with 0, 3 otherwise.
[[nodiscard]] int tunnel(const TunnelOptions& options, const Log& log);

}  // namespace proxy
