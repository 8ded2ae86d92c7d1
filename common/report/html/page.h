#pragma once

#include <string_view>

namespace subunit::report {

/// The page without its data, which stands between the two: made of page.html, page.css and page.js
/// by scripts/page.
extern const std::string_view kPageHead;
extern const std::string_view kPageTail;

}  // namespace subunit::report
