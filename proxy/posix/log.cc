#include "proxy/posix/log.h"

namespace proxy {

void Log::write(LogLevel level, std::string_view text) const {
  constexpr std::string_view kNames[] = {"error: ", "warning: ", "", "debug: "};
  screen_.print(
      fmt::format("subunit-proxy: {}{}\n", kNames[static_cast<std::size_t>(level)], text));
}

}  // namespace proxy
