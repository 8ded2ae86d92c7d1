#pragma once

#include <string>

#include "common/base/result.h"
#include "proxy/net/socket_address.h"

namespace proxy {

/// The first address of the host of this name, with port 0. An Error says why there is none.
///
/// A static binary has another one (no_resolver.cc), which refuses: the C library looks for names
/// with shared libraries, and those of the machine may be of another version.
[[nodiscard]] subunit::Result<SocketAddress> resolve(const std::string& host);

}  // namespace proxy
