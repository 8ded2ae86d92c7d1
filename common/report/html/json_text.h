#pragma once

#include <string>
#include <string_view>

namespace subunit::report {

/// Appends `text` as a JSON string that may stand in a `script` element of HTML: no `<` is in it,
/// so nothing in the text ends the element, or begins a comment there. It is valid UTF-8: each byte
/// that is not stands as `\xNN`, four characters of text.
void append_json(std::string& json, std::string_view text);

}  // namespace subunit::report
