#pragma once

#include <string>

#include "bytes.h"

namespace subunit {

/// Bytes of unknown kind as printable ASCII, for messages: `\n`, `\r`, `\t` and `\\` by their
/// names, other controls and everything above 0x7E as `\xNN`. At most `most` bytes of the input are
/// shown; where there were more, `… (N bytes)` follows with the length of the whole.
[[nodiscard]] std::string escaped(Bytes bytes, std::size_t most = 200);
[[nodiscard]] std::string escaped(std::string_view text, std::size_t most = 200);

}  // namespace subunit
