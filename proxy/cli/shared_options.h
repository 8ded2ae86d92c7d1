#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "common/command/command_template.h"
#include "proxy/cli/option_set.h"
#include "proxy/net/endpoint.h"
#include "proxy/run/run.h"

namespace proxy {

// Options of what a channel is: bytes as they are, or a console.

/// --link and --baud, which both ends have. `automatic` says what --link auto does.
void add_link_options(OptionSet& options, LinkSettings& link, const std::string& automatic);

/// All that a client has, and the check of what goes together, --direct included.
void add_line_options(OptionSet& options, LineOptions& line);

// Options of the subcommands that list and run tests.

/// TEST..., --list and --load-list.
void add_selection_options(OptionSet& options, RunOptions& run);

/// --direct, what the channels are, and how long to wait for what is at the other end of a channel.
void add_channel_options(OptionSet& options, RunOptions& run);

// A test command, as `serve` takes it from people and passes it on to `command-server`.

/// --list-option and --id-option: how the command takes what it is asked for.
void add_test_command_options(OptionSet& options, subunit::command::CommandTemplate::Text& text);

/// Throws UsageError for a text that is not a template.
[[nodiscard]] subunit::command::CommandTemplate parse_test_command(
    subunit::command::CommandTemplate::Text text);

/// --adapter, which says how a program of a test framework is started, and --batch.
struct AdapterOptions {
  std::string name;
  std::optional<int> batch;
};
void add_adapter_options(OptionSet& options, AdapterOptions& adapter);

/// The commands that start this program as the test server which runs `text`, or the program
/// `command`. `grace`: how long the server itself is given to end. It gives its command less.
[[nodiscard]] std::vector<std::string> command_server_words(
    const subunit::command::CommandTemplate::Text& text, std::optional<int> batch,
    subunit::Time grace);
[[nodiscard]] std::vector<std::string> command_server_words(const AdapterOptions& adapter,
                                                            const std::vector<std::string>& command,
                                                            subunit::Time grace);

// Options that several subcommands have.

/// The option `label`, for an address.
void add_endpoint(OptionSet& options, const OptionSet::Label& label,
                  std::optional<Endpoint>& value);

/// --ready-fd, whose value is a descriptor that is open.
void add_ready_fd(OptionSet& options, std::optional<int>& value);

}  // namespace proxy
