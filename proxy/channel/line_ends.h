#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "proxy/channel/line_options.h"
#include "proxy/io/child.h"
#include "proxy/posix/fd.h"

namespace proxy {

/// Our ends of the stdout and stdin of a channel's command.
struct LineEnds {
  Fd in, out;
};

/// Starts the command as `child`, on two pipes or, if the options say so, on a terminal of its own.
[[nodiscard]] subunit::Result<LineEnds> start_on_line(Child& child,
                                                      const std::vector<std::string>& command,
                                                      const LineOptions& options);

}  // namespace proxy
