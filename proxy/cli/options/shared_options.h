#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "common/command/command_template.h"
#include "proxy/channel/line_options.h"
#include "proxy/cli/options/option_set.h"
#include "proxy/net/endpoint.h"
#include "proxy/posix/log.h"

namespace proxy {

/// --log-level, which every subcommand has.
void add_log_level(OptionSet& options, LogLevel& level);

/// --link and --baud, which both ends have. `automatic` says what --link auto does.
void add_link_options(OptionSet& options, LinkSettings& link, const std::string& automatic);

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

/// The two parts of NAME=VALUE, for --env. Throws UsageError.
[[nodiscard]] std::pair<std::string, std::string> split_setting(const std::string& text);

/// The option `label`, for an address.
void add_endpoint(OptionSet& options, const OptionSet::Label& label,
                  std::optional<Endpoint>& value);

/// --ready-fd, whose value is a descriptor that is open.
void add_ready_fd(OptionSet& options, std::optional<int>& value);

}  // namespace proxy
