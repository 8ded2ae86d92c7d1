#pragma once

#include <string>

#include "proxy/channel/line_options.h"
#include "proxy/cli/option_set.h"

namespace proxy {

// Options of what a channel is: bytes as they are, or a console.

/// --link and --baud, which both ends have. `automatic` says what --link auto does.
void add_link_options(OptionSet& options, LinkSettings& link, const std::string& automatic);

/// All that a client has, and the check of what goes together, --direct included.
void add_line_options(OptionSet& options, LineOptions& line);

}  // namespace proxy
