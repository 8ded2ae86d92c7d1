#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"

namespace subunit::run {

/// What a hook prints, cut into lines. The last ones are kept, for a message if it fails.
class HookOutput {
 public:
  static constexpr std::size_t kMaxLine = 1000;  // bytes; a longer one is shown in pieces
  static constexpr std::size_t kMaxKept = 5;     // lines
  static constexpr std::size_t kMaxShown = 200;  // bytes of each of them, in a message

  /// Returns the lines that end in `bytes`, but for empty ones.
  [[nodiscard]] std::vector<std::string> add(Bytes bytes);
  /// The command has ended: what has come since the last line feed, if anything, is a line.
  [[nodiscard]] std::vector<std::string> finish() { return add(as_bytes("\n")); }

  /// For a person: "it printed nothing", "its last output: …".
  [[nodiscard]] std::string last_lines() const;

 private:
  void end_line(std::vector<std::string>& lines);

  std::string line_;  // that has not ended yet
  std::deque<std::string> kept_;
};

}  // namespace subunit::run
