#pragma once

#include <string_view>

namespace proxy {

/// The Python package subunit_rpc as a zip archive, which Python runs or imports as it is:
/// `python3 ARCHIVE discover` (scripts/archive makes it, and the file with this function).
[[nodiscard]] std::string_view python_archive();

}  // namespace proxy
