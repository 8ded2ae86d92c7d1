#pragma once

#include "proxy/client/options.h"
#include "proxy/io/log.h"

namespace proxy {

/// `subunit-proxy run`: returns the exit status (Runner::exit_status()).
[[nodiscard]] int run(const RunOptions& options, const Log& log);

}  // namespace proxy
