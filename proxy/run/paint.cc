#include "proxy/run/paint.h"

#include <fmt/core.h>

#include <cstdlib>

namespace proxy {

std::string Paint::operator()(Ink ink, std::string_view text) const {
  constexpr std::string_view kCodes[] = {"1;31", "32", "33"};  // bold red, green, yellow
  if (!wanted_) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", kCodes[static_cast<std::size_t>(ink)], text);
}

bool wants_color(Color choice, bool capable_terminal) {
  if (choice != Color::kAuto) return choice == Color::kAlways;
  const char* const no_color = std::getenv("NO_COLOR");
  return capable_terminal && !(no_color && *no_color);
}

}  // namespace proxy
