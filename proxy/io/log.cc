#include "proxy/io/log.h"

#include <unistd.h>

#include <string>

namespace proxy {

void Log::write(LogLevel level, std::string_view text) const {
  constexpr std::string_view kNames[] = {"error: ", "warning: ", "", "debug: "};
  const std::string line =
      fmt::format("subunit-proxy: {}{}\n", kNames[static_cast<std::size_t>(level)], text);
  // There is nowhere to report a failure to write this.
  [[maybe_unused]] const auto written = ::write(2, line.data(), line.size());
}

}  // namespace proxy
