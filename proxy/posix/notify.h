#pragma once

#include <string_view>

#include "common/base/result.h"

namespace proxy {

/// Tells whoever started this that it is ready.
///
/// Writes `READY address` and a newline to `fd` and closes it.
[[nodiscard]] subunit::Result<> notify_fd(int fd, std::string_view address);

/// Sends READY=1 to the service manager's socket, where the environment names one in NOTIFY_SOCKET
/// (sd_notify(3)), and takes that variable out of the environment: it is not for the test server.
[[nodiscard]] subunit::Result<> notify_service_manager();

}  // namespace proxy
