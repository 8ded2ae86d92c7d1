#pragma once

#include <string>

#include "common/run/selection/plan.h"
#include "proxy/run/run.h"

namespace proxy {

/// Reads the files that the options name, for a Plan. An Error says which cannot be used, and why.
/// A history that does not exist yet is an empty one.
[[nodiscard]] subunit::Result<subunit::run::Plan::Files> read_plan_files(const RunOptions& options);

/// Puts a new file in place of the one that `path` leads to, or leaves that as it is. What is no
/// regular file, such as a pipe or a device, stays in any case.
[[nodiscard]] subunit::Result<> replace_history(const std::string& path,
                                                const subunit::schedule::Durations& durations);

}  // namespace proxy
