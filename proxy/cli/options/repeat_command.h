#pragma once

#include "common/base/shell_words.h"
#include "proxy/cli/options/option_set.h"
#include "proxy/run/run.h"

namespace proxy {

/// The command of a run in which one test runs again, from the options and the channel command of
/// a run. It keeps what says how to get to the tests, and what a configuration file says anyway,
/// and leaves out what selects tests, orders them, or reports on them. The values of --env may be
/// secrets, so it takes them from the variables of its own shell.
[[nodiscard]] RepeatCommand repeat_command(const OptionSet& options, const subunit::Words& channel);

}  // namespace proxy
