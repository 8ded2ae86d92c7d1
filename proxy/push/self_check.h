#pragma once

#include <string>

#include "proxy/posix/log.h"

namespace proxy {

/// What this program's file should be.
struct SelfCheckOptions {
  std::size_t size = 0;  ///< bytes
  std::string hash;      ///< subunit::push::content_hash()
};

/// `subunit-proxy self-check`: prints the hash and returns 0 if the file of this program is whole,
/// and 3 if it is not.
[[nodiscard]] int self_check(const SelfCheckOptions& options, const Log& log);

}  // namespace proxy
