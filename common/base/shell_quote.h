#pragma once

#include <string>
#include <string_view>

namespace subunit {

/// `text`, which has no NUL, as one word of a POSIX shell command.
[[nodiscard]] std::string shell_quote(std::string_view text);

}  // namespace subunit
