#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace subunit::adapter {

/// One line of TAP.
struct TapLine {
  /// "1..5", "1..0 # SKIP no network".
  struct Plan {
    std::size_t tests;
    std::optional<std::string> skip = std::nullopt;  ///< why none of them runs
  };
  /// "not ok 3 - it works # TODO later".
  struct Result {
    bool ok;
    std::string description;     ///< "" if there is none
    std::string number = {};     ///< as it stands there
    std::string directive = {};  ///< "TODO", "SKIP" and KTAP's "XFAIL", "TIMEOUT", "ERROR"; or ""
    std::string reason = {};     ///< of the directive
  };
  /// "Bail out! the disk is full".
  struct BailOut {
    std::string reason;
  };
  /// "# Failed test at line 3".
  struct Comment {
    std::string text;
  };
  /// "TAP version 14", "KTAP version 1", "pragma +strict".
  struct Version {
    bool is_kernels;  ///< KTAP
  };
  /// Where a block of YAML begins, "---", or ends, "...".
  struct Yaml {
    bool begins;
  };

  std::size_t indent;  ///< spaces before it
  std::variant<Plan, Result, BailOut, Comment, Version, Yaml> what;
};

/// Nothing if it is something else. `line` has no line feed.
[[nodiscard]] std::optional<TapLine> parse_tap_line(std::string_view line);

}  // namespace subunit::adapter
