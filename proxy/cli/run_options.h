#pragma once

#include "proxy/cli/subcommand.h"

namespace proxy {

// Options of the subcommands that list and run tests.

/// TEST..., --list and --load-list.
void add_selection_options(CLI::App& app, RunOptions& options);

/// --direct, what the channels are, and how long to wait for what is at the other end of a channel.
void add_channel_options(CLI::App& app, RunOptions& options);

}  // namespace proxy
