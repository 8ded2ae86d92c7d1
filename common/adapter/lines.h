#pragma once

#include <string>
#include <string_view>

namespace subunit::adapter {

/// Puts lines together that come in pieces.
class Lines {
 public:
  /// No line is kept that is longer: the rest of it is a line of its own.
  static constexpr std::size_t kMaxLine = 8 << 20;

  /// Calls `take` with each line that is whole now, without its line feed.
  template <typename Take>
  void add(std::string_view bytes, const Take& take) {
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      line_ += bytes.substr(0, end);
      bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
      if (end == std::string_view::npos && line_.size() < kMaxLine) return;
      take(std::string_view(line_));
      line_.clear();
    }
  }

  /// What has no line feed yet.
  [[nodiscard]] const std::string& rest() const { return line_; }
  void clear() { line_.clear(); }

 private:
  std::string line_;
};

}  // namespace subunit::adapter
