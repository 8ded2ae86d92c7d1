#pragma once

#include <cstdint>
#include <vector>

#include "common/sync/manifest.h"

namespace subunit::sync {

/// What the other side keeps of a tree that was brought there.
struct KnownTree {
  Manifest entries;
  /// Of each entry, something that changes whenever it is written to; 0: it is not known to be
  /// there as it should be.
  std::vector<std::uint64_t> stamps;
};

[[nodiscard]] Buffer encode(const KnownTree& tree);
/// An empty one if `bytes` are none.
[[nodiscard]] KnownTree parse_known_tree(Bytes bytes);

/// The place of each of `entries` in `known`, or kUnknown. Both are in order.
inline constexpr std::size_t kUnknown = static_cast<std::size_t>(-1);
[[nodiscard]] std::vector<std::size_t> places_in(const Manifest& known, const Manifest& entries);

}  // namespace subunit::sync
