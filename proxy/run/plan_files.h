#pragma once

#include "common/run/plan.h"
#include "proxy/run/options.h"

namespace proxy {

/// Reads the files that the options name, for a Plan. An Error says which cannot be used, and why.
/// A history that does not exist yet is an empty one.
[[nodiscard]] subunit::Result<subunit::run::Plan::Files> read_plan_files(const RunOptions& options);

}  // namespace proxy
