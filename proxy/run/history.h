#pragma once

#include <string>

#include "common/base/result.h"
#include "common/schedule/durations.h"

namespace proxy {

// The file of --history: a subunit stream of earlier runs.

/// Takes the durations from the file; there are none if it does not exist yet. An Error if it
/// cannot be read, or if there is something in it, but no packet.
[[nodiscard]] subunit::Result<> read_history(const std::string& path,
                                             subunit::schedule::Durations& durations);

/// An Error if replace_history() has no place for a new file.
[[nodiscard]] subunit::Result<> check_history_place(const std::string& path);

/// Puts a new file in place of the one that `path` leads to, or leaves that as it is. What is no
/// regular file, such as a pipe or a device, stays in any case.
[[nodiscard]] subunit::Result<> replace_history(const std::string& path,
                                                const subunit::schedule::Durations& durations);

}  // namespace proxy
