#pragma once

#include <string>
#include <vector>

#include "common/base/time.h"
#include "common/command/command_template.h"
#include "proxy/cli/option_set.h"

namespace proxy {

// A test command, as `serve` takes it from people and passes it on to `command-server`.

/// --list-option and --id-option: how the command takes what it is asked for.
void add_test_command_options(OptionSet& options, subunit::command::CommandTemplate::Text& text);

/// Throws UsageError for a text that is none.
[[nodiscard]] subunit::command::CommandTemplate parse_test_command(
    subunit::command::CommandTemplate::Text text);

/// The command that starts this program as the test server which runs `text`. `grace`: how long the
/// server itself is given to end. It gives its command less.
[[nodiscard]] std::vector<std::string> command_server_words(
    const subunit::command::CommandTemplate::Text& text, subunit::Time grace);

}  // namespace proxy
