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

/// Bytes of unknown kind as printable ASCII, for messages: `\n`, `\r`, `\t` and `\\` by their
/// names, other controls and everything above 0x7E as `\xNN`. At most `most` bytes of the input are
/// shown; where there were more, `… (N bytes)` follows with the length of the whole.
[[nodiscard]] std::string escaped(Bytes bytes, std::size_t most = 200);
[[nodiscard]] std::string escaped(std::string_view text, std::size_t most = 200);

/// The code point of one character in well-formed UTF-8.
[[nodiscard]] char32_t code_point(std::string_view character);

/// Invisible, and acts on what stands around it or makes two texts look alike: directions, joiners,
/// separators, fillers, tags. These are the default-ignorable code points of Unicode, without the
/// one that asks for the form of an emoji (U+FE0F), and the separators and annotations.
[[nodiscard]] bool is_invisible(char32_t c);

/// Text of others on a terminal: UTF-8 stays as it is, with its line feeds and tabs. All that would
/// act on the terminal or on other text becomes `\xNN`, byte by byte: controls (C0, DEL, C1),
/// what is_invisible(), and bytes that are not UTF-8.
[[nodiscard]] std::string harmless(std::string_view text);

}  // namespace subunit
