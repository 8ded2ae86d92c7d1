#pragma once

#include <string>
#include <string_view>

namespace subunit::adapter {

/// Whether GoogleTest's `filter`, "POSITIVE:…-NEGATIVE:…" with * and ?, takes the test with this
/// full name. GoogleTest itself tells only while it runs.
[[nodiscard]] bool matches_gtest_filter(std::string_view filter, std::string_view name);

/// What takes the test of this name in such a filter. It takes others too if their names differ
/// only where one has a character that has a meaning in filters.
[[nodiscard]] std::string gtest_filter_for(std::string_view name);

}  // namespace subunit::adapter
