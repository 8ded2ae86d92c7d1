#pragma once

#include <memory>
#include <string>

#include "proxy/run/output.h"

namespace proxy {

/// Writes the run to the file at `path` as a Trace, beside what goes to stdout. The file is opened
/// here; what goes wrong with it later is said in the log once, at the end, and costs nothing else.
/// At most a second of the run is held back, so that the file of one that is cut off is of use.
[[nodiscard]] subunit::Result<std::unique_ptr<Output>> make_trace_output(const std::string& path,
                                                                         uv_loop_t& loop,
                                                                         const Log& log);

}  // namespace proxy
