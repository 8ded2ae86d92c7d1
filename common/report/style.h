#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace subunit::report {

enum class Color { kRed, kGreen, kYellow };

/// Colors text where that is wanted: by escape sequences of ECMA-48 (SGR).
class Style {
 public:
  explicit Style(bool colored) : colored_(colored) {}

  [[nodiscard]] std::string operator()(Color color, std::string_view text) const {
    constexpr std::string_view kCodes[] = {"1;31", "32", "33"};  // red is bold, too
    if (!colored_) return std::string(text);
    return "\x1b[" + std::string(kCodes[static_cast<std::size_t>(color)]) + "m" +
           std::string(text) + "\x1b[0m";
  }

 private:
  bool colored_;
};

}  // namespace subunit::report
