#pragma once

// What a run says of a test beside its final status: tags of the packet that has it, for observers
// and for filters of the stream alike.

#include <algorithm>
#include <string_view>

#include "common/subunit/packet.h"

namespace subunit::run {

/// It has passed, after attempts that failed.
inline constexpr std::string_view kFlakyTag = "flaky";
/// It never began. Its status is kSkip where the run was to end early (--max-fail), kFail where it
/// could not be completed.
inline constexpr std::string_view kNotRunTag = "not-run";
/// It has failed, since its server ended, or was lost, while it ran.
inline constexpr std::string_view kCrashedTag = "crashed";
/// It has failed, since it took longer than it may.
inline constexpr std::string_view kTimedOutTag = "timed-out";

/// Before the number of the round, of a run that repeats its tests.
inline constexpr std::string_view kRoundTagPrefix = "round-";

/// Before the number of the channel, from 0, of a run that has each test on each channel.
inline constexpr std::string_view kChannelTagPrefix = "channel-";

/// Not a test of anybody: it fails where a run could not be completed, with the reason, so that no
/// reader takes the stream of such a run for that of a green one. A tool that asks for its failed
/// tests again asks for it, too, and gets the answer from the run itself.
inline constexpr std::string_view kRunTest = "subunit-proxy.run";

[[nodiscard]] inline bool has_tag(const Packet& packet, std::string_view tag) {
  return std::find(packet.tags.begin(), packet.tags.end(), tag) != packet.tags.end();
}

/// What stands behind `prefix` in the first tag that begins with it; "" if there is none.
[[nodiscard]] inline std::string_view number_after(const Packet& packet, std::string_view prefix) {
  for (const std::string_view tag : packet.tags)
    if (tag.starts_with(prefix)) return tag.substr(prefix.size());
  return "";
}

}  // namespace subunit::run
