#pragma once

#include <fmt/core.h>

#include <string_view>
#include <utility>

#include "common/base/text.h"
#include "proxy/terminal/screen.h"

namespace proxy {

enum class LogLevel { kError, kWarning, kInfo, kDebug };

/// Messages for a person, on stderr: one line and one write() each.
class Log {
 public:
  Log(LogLevel level, Screen& screen) : level_(level), screen_(screen) {}

  /// What the messages are written to, for whoever else writes there.
  [[nodiscard]] Screen& screen() const { return screen_; }

  template <typename... Args>
  void error(fmt::format_string<Args...> format, Args&&... args) const {
    write(LogLevel::kError, fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  void warning(fmt::format_string<Args...> format, Args&&... args) const {
    if (wants(LogLevel::kWarning))
      write(LogLevel::kWarning, fmt::format(format, std::forward<Args>(args)...));
  }
  /// Shown where warnings are, and is none.
  template <typename... Args>
  void notice(fmt::format_string<Args...> format, Args&&... args) const {
    if (wants(LogLevel::kWarning))
      write(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) const {
    if (wants(LogLevel::kInfo))
      write(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  void debug(fmt::format_string<Args...> format, Args&&... args) const {
    if (wants(LogLevel::kDebug))
      write(LogLevel::kDebug, fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  [[nodiscard]] bool wants(LogLevel level) const { return level <= level_; }
  void write(LogLevel level, std::string_view text) const {
    constexpr std::string_view kNames[] = {"error: ", "warning: ", "", "debug: "};
    // Not all of a message is ours: names of tests, files and hosts, reasons that a server gives.
    screen_.print(fmt::format("subunit-proxy: {}{}\n", kNames[static_cast<std::size_t>(level)],
                              subunit::harmless(text)));
  }

  LogLevel level_;
  Screen& screen_;
};

}  // namespace proxy
