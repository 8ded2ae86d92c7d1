#pragma once

#include <string>
#include <string_view>

#include "bytes.h"

namespace subunit {

/// How far a run of bytes is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, nothing
/// above U+10FFFF).
struct Utf8Scan {
  std::size_t valid;  ///< this many leading bytes are whole, well-formed characters
  bool cut;           ///< the rest, up to three bytes, is the start of a character that ends later
};

/// Stops at the first byte that cannot belong to a character, or at the end.
[[nodiscard]] Utf8Scan scan_utf8(Bytes bytes);

/// The same, and NUL is no character: the rule for strings in subunit packets.
[[nodiscard]] Utf8Scan scan_text(Bytes bytes);

/// True if all of it is whole UTF-8 characters and none of them is NUL.
[[nodiscard]] inline bool is_text(Bytes bytes) {
  return scan_text(bytes).valid == bytes.size();
}

/// `text`, or of a longer one as many whole characters as fit into `most` bytes, and "…" behind.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t most);

}  // namespace subunit
