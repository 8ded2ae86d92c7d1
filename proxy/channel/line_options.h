#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proxy/channel/console_script.h"
#include "proxy/push/payloads.h"

namespace proxy {

/// How bytes travel over a channel.
enum class LinkMode {
  kAuto,    ///< what fits: see serve and Channel
  kRaw,     ///< as they are
  kArmour,  ///< over the console link, in printable characters only
};

/// What both ends are told about the line between them.
struct LinkSettings {
  LinkMode mode = LinkMode::kAuto;
  std::optional<double> bytes_per_second;  ///< 0: as many as it takes
};

/// What a client was told about the lines that its channels are.
struct LineOptions {
  std::string folder;  ///< where the command starts; "": here
  LinkSettings link;
  bool pty = false;                  ///< the command has a terminal of its own
  std::vector<ConsoleStep> console;  ///< to be typed before anything answers
  std::optional<PushOptions> push;   ///< the command gives a shell, to which `serve` is brought
};

}  // namespace proxy
