#pragma once

#include <string>

#include "common/base/result.h"
#include "proxy/posix/fd.h"

namespace proxy {

/// Opens a file that is written during a run, and empties it, or a pipe or device. `what` names it
/// for people: "the trace". A named pipe that nobody opens for reading is an Error after two
/// seconds: it could not be written to.
[[nodiscard]] subunit::Result<Fd> open_output(const char* what, const std::string& path);

}  // namespace proxy
