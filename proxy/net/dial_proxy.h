#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "proxy/posix/fd.h"

namespace proxy {

/// The way from a test server to the proxy that has started it.
struct ProxyConnection {
  Fd fd;                             ///< connected, non-blocking
  std::optional<std::string> token;  ///< to be shown in Attach, as the first packet
};

/// Dials SUBUNIT_RPC_LOCAL, or SUBUNIT_RPC_ADDRESS if that is not set or cannot be reached
/// (PROTOCOL.md, section "Starting and attaching"). Takes both variables and SUBUNIT_RPC_TOKEN out
/// of the environment: no process that this one starts is to connect there. Waits for up to ten
/// seconds. An Error where neither is set tells that `starter` sets them.
[[nodiscard]] subunit::Result<ProxyConnection> dial_proxy(std::string_view starter);

}  // namespace proxy
