#pragma once

#include <optional>

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

}  // namespace proxy
