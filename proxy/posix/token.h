#pragma once

#include <string>
#include <string_view>

namespace proxy {

/// A secret that proves who a test server is: 128 bits from the system's generator (getrandom(2)),
/// in hex.
[[nodiscard]] std::string random_token();

/// Takes the same time wherever the difference is.
[[nodiscard]] bool same_token(std::string_view a, std::string_view b);

}  // namespace proxy
