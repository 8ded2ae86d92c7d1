#include "common/run/hooks/hook_output.h"

#include <fmt/core.h>

#include "common/base/text.h"

namespace subunit::run {

std::vector<std::string> HookOutput::add(Bytes bytes) {
  std::vector<std::string> lines;
  for (const char character : as_text(bytes)) {
    // A carriage return is where a progress bar starts again.
    if (character == '\n' || character == '\r') {
      end_line(lines);
    } else {
      line_ += character;
      if (line_.size() == kMaxLine) end_line(lines);
    }
  }
  return lines;
}

void HookOutput::end_line(std::vector<std::string>& lines) {
  if (line_.empty()) return;
  kept_.push_back(shortened(line_, kMaxShown));
  if (kept_.size() > kMaxKept) kept_.pop_front();
  lines.push_back(std::move(line_));
  line_.clear();
}

std::string HookOutput::last_lines() const {
  if (kept_.empty()) return "it printed nothing";
  std::string text;
  for (const std::string& line : kept_) text += (text.empty() ? "" : "\n") + line;
  return fmt::format("its last output: \"{}\"", escaped(text, kMaxKept * (kMaxShown + 4)));
}

}  // namespace subunit::run
