#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace subunit::adapter {

/// A test in GoogleTest's output file. A file that lists tests has the ids only.
struct GtestCase {
  std::string id;  ///< Suite.Name
  bool was_left_out = false;
  bool was_skipped = false;
  std::vector<std::string> failures = {};  ///< texts, each with its place
};

/// All tests of an output file in JSON, in its order. Bytes that are not UTF-8, which GoogleTest
/// leaves as they are, become "?".
[[nodiscard]] Result<std::vector<GtestCase>> parse_gtest_file(std::string_view json);

}  // namespace subunit::adapter
