#pragma once

#include "../base/result.h"

namespace subunit::rpc {

/// The versions of the protocol that one side speaks, both ends included.
struct VersionRange {
  int max = 1;
  int min = 1;

  bool operator==(const VersionRange&) const = default;
};

/// What this library speaks.
inline constexpr VersionRange kSupportedVersions{.max = 2, .min = 1};

/// The highest version in both ranges; an Error that names both ranges if there is none.
[[nodiscard]] Result<int> negotiate(VersionRange ours, VersionRange theirs);

}  // namespace subunit::rpc
