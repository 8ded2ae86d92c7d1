#pragma once

#include "proxy/posix/log.h"
#include "proxy/run/options.h"

namespace proxy {

/// `subunit-proxy run`: returns the exit status (Runner::exit_status()).
[[nodiscard]] int run(const RunOptions& options, const Log& log);

}  // namespace proxy
