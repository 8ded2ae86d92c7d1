#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "result.h"

namespace subunit {

/// A program and its arguments.
using Words = std::vector<std::string>;

/// The commands in `text`, one a line, split into words as sh does it (POSIX.1-2017, Shell Command
/// Language, 2.2 and 2.3): '…' keeps everything, "…" everything but \$ \` \" and \\, a backslash
/// outside keeps the next character, a line that ends in a backslash goes on in the next, and what
/// follows a # at the beginning of a word is a comment. Lines without a word are left out.
///
/// Nothing is expanded and there are no operators: $HOME, *, | and ; are characters like any other.
///
/// An Error, for a quote without its end, shows the line where it begins.
[[nodiscard]] Result<std::vector<Words>> split_commands(std::string_view text);

/// `text`, which has no NUL, as one word of a POSIX shell command.
[[nodiscard]] std::string shell_quote(std::string_view text);

}  // namespace subunit
