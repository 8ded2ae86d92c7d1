#pragma once

#include <CLI/CLI.hpp>

#include "proxy/client/line_options.h"

namespace proxy {

// Options of what a channel is: bytes as they are, or a console.

/// --link and --baud, which both ends have. `automatic` says what --link auto does.
void add_link_options(CLI::App& app, LinkSettings& link, const std::string& automatic);

/// All that a client has. Sets the callback of `app` for when it is parsed.
void add_line_options(CLI::App& app, LineOptions& line);

}  // namespace proxy
