#pragma once

#include "proxy/posix/log.h"

namespace proxy {

struct WriteArchiveOptions {};

/// `subunit-proxy python --archive`: writes python_archive() to stdout. 3 if that cannot be done.
[[nodiscard]] int write_archive(const WriteArchiveOptions& options, const Log& log);

}  // namespace proxy
