#include "common/rpc/version.h"

#include <algorithm>

namespace subunit::rpc {
namespace {

std::string named(VersionRange versions) {
  if (versions.max == versions.min) return fmt::format("version {}", versions.max);
  return fmt::format("versions {} to {}", versions.min, versions.max);
}

}  // namespace

Result<int> negotiate(VersionRange ours, VersionRange theirs) {
  const int version = std::min(ours.max, theirs.max);
  if (version >= std::max(ours.min, theirs.min)) return version;
  return error("no version of the protocol in common: this side speaks {}, the other {}",
               named(ours), named(theirs));
}

}  // namespace subunit::rpc
