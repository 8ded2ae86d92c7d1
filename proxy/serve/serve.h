#pragma once

#include "proxy/posix/log.h"
#include "proxy/serve/options.h"

namespace proxy {

/// `subunit-proxy serve`: returns the exit status.
[[nodiscard]] int serve(const ServeOptions& options, const Log& log);

}  // namespace proxy
