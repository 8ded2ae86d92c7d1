#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "proxy/channel/line_options.h"
#include "proxy/net/endpoint.h"
#include "proxy/posix/log.h"
#include "proxy/serve/surroundings.h"

namespace proxy {

/// Test servers at a time: what their buffers and processes take is bounded by this.
inline constexpr int kMaxServers = 64;

/// What `subunit-proxy serve` was asked to do.
struct ServeOptions {
  std::vector<Endpoint> connect;     ///< where test servers listen; with a command, one
  std::optional<Endpoint> listen;    ///< where they dial in; there is one of the two
  bool listen_requested = true;      ///< not our default, which servers can do without
  std::vector<std::string> command;  ///< starts a test server; empty: somebody else does
  int workers = 1;                   ///< how many the command is started for
  int max_servers = kMaxServers;     ///< that may dial in, if somebody else starts them
  subunit::Time attach_timeout = std::chrono::seconds(60);
  subunit::Time grace = std::chrono::seconds(5);
  bool any_owner = false;
  Surroundings surroundings;
  std::optional<std::string> tree;              ///< path of the folder that one is brought to first
  std::optional<std::string> temporary_folder;  ///< with this program in it; goes at the end
  LinkSettings link;
  std::optional<int> ready_fd;

  /// Whoever dials in is welcome, as far as their user says that they may.
  [[nodiscard]] bool open_house() const { return listen && command.empty(); }

  /// More than one test server is known to be there, sooner or later.
  [[nodiscard]] bool expects_several() const { return workers > 1 || connect.size() > 1; }

  /// There can be more than one test server, so their packets have route codes.
  [[nodiscard]] bool routed() const {
    return expects_several() || (open_house() && max_servers > 1);
  }
};

/// `subunit-proxy serve`: returns the exit status.
[[nodiscard]] int serve(const ServeOptions& options, const Log& log);

}  // namespace proxy
