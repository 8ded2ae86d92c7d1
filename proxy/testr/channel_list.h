#pragma once

#include <string>
#include <vector>

#include "common/base/shell_words.h"

namespace proxy {

/// The commands of channels that a file has, one a line; see subunit::split_commands(). An Error
/// names the file: it cannot be read, is no list of commands, or has none.
[[nodiscard]] subunit::Result<std::vector<subunit::Words>> read_channel_list(
    const std::string& path);

/// The option of testr's and stestr's configuration that has such a list.
inline constexpr const char* kServerCommand = "server_command";

/// The commands that `server_command` in a configuration file of testr or stestr has. An Error
/// names the file, and, where the option is missing, says which line to add.
[[nodiscard]] subunit::Result<std::vector<subunit::Words>> read_server_commands(
    const std::string& path);

}  // namespace proxy
