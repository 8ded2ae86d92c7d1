#pragma once

#include "common/base/shell_words.h"
#include "proxy/cli/options/option_set.h"
#include "proxy/run/run.h"

namespace proxy {

/// The command of a run in which one test runs again, from the options and the channel command of
/// a run. It keeps what says how to get to the tests, also if a configuration file says so, which
/// is not read then; and leaves out what selects tests, orders them, or reports on them. The values
/// of
/// --env may be secrets, so it takes them from the variables of its own shell.
///
/// `channel`: behind "--". `has_own_channel`: what the file has of channels does not count.
/// `folder`: of the file, where its channels start; "" if there is none.
[[nodiscard]] RepeatCommand repeat_command(const OptionSet& options, const subunit::Words& channel,
                                           bool has_own_channel, const std::string& folder);

}  // namespace proxy
