#pragma once

#include <vector>

#include "proxy/channel/console_script.h"
#include "proxy/channel/link_mode.h"

namespace proxy {

/// What a client was told about the lines that its channels are.
struct LineOptions {
  LinkSettings link;
  bool pty = false;                  ///< the command has a terminal of its own
  std::vector<ConsoleStep> console;  ///< to be typed before anything answers
};

}  // namespace proxy
