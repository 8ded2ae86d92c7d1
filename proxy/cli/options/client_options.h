#pragma once

#include "proxy/cli/options/option_set.h"
#include "proxy/run/run.h"

namespace proxy {

// Options of what a channel is: bytes as they are, or a console.

/// All that a client has, and the check of what goes together, --direct included.
void add_line_options(OptionSet& options, LineOptions& line);

// Options of the subcommands that list and run tests.

/// TEST..., --list and --load-list.
void add_selection_options(OptionSet& options, RunOptions& run);

/// --direct, what the channels are, and how long to wait for what is at the other end of a channel.
void add_channel_options(OptionSet& options, RunOptions& run);

}  // namespace proxy
