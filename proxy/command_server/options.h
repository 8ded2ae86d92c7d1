#pragma once

#include "common/base/time.h"
#include "common/command/command_template.h"

namespace proxy {

/// What `subunit-proxy command-server` was asked to do.
struct CommandServerOptions {
  subunit::command::CommandTemplate command;
  subunit::Time grace;  ///< between TERM and KILL, when a command has to end
};

}  // namespace proxy
