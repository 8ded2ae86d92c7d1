#pragma once

#include <clocale>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

namespace subunit::report {

/// How much room text takes on a terminal, and what of it can be shown there.
///
/// Where the locale's charset is UTF-8, characters stay as they are, and take the columns that
/// wcwidth(3) says. Everything else becomes printable ASCII: all but ASCII in another locale,
/// controls and bytes that are not UTF-8, and the invisible characters that direct the layout of
/// others.
class TextCells {
 public:
  /// `locale`: as for newlocale(3); "" is the one of the environment.
  explicit TextCells(const char* locale = "");

  struct Fitted {
    std::string text;
    std::size_t columns;
  };
  /// The end of `text` in at most `columns`; where it is cut, it begins with an ellipsis.
  [[nodiscard]] Fitted fit_end(std::string_view text, std::size_t columns) const;

 private:
  struct Free {
    void operator()(locale_t locale) const;
  };
  std::unique_ptr<std::remove_pointer_t<locale_t>, Free> locale_;  // null: plain ASCII
};

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
