#pragma once

#include <string>
#include <string_view>

#include "proxy/run/options.h"

namespace proxy {

enum class Ink { kBad, kGood, kNotice };

/// Colors text, where that is wanted.
class Paint {
 public:
  explicit Paint(bool wanted) : wanted_(wanted) {}
  [[nodiscard]] std::string operator()(Ink ink, std::string_view text) const;

 private:
  bool wanted_;
};

/// Whether what goes to a terminal, or not, is to be colored. What --color says stands above
/// NO_COLOR (https://no-color.org), which counts if it is set and not empty.
[[nodiscard]] bool wants_color(Color choice, bool capable_terminal);

}  // namespace proxy
