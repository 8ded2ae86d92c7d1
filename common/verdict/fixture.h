#pragma once

#include <string_view>

namespace subunit {

/// Whether `test_id` is no test, but what Python's unittest calls a fixture of a class or module
/// where that fails or skips: setUpClass, tearDownClass, setUpModule or tearDownModule, and then
/// " (module.Class)" or " (module)".
[[nodiscard]] bool is_fixture(std::string_view test_id);

}  // namespace subunit
