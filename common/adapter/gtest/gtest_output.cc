#include "common/adapter/gtest/gtest_output.h"

#include <utility>

namespace subunit::adapter {
namespace {

constexpr std::string_view kRun = "[ RUN      ] ";
constexpr std::size_t kMarker = kRun.size();

/// "[----------] 2 tests from Suite", or another line of GoogleTest's own between tests.
bool is_frame(std::string_view line) {
  const bool is_marked = line.size() >= kMarker && line[0] == '[' && line[kMarker - 2] == ']';
  return line.empty() || is_marked || line.starts_with("Note: Google Test filter = ") ||
         (line[0] == ' ' && line.find(" FAILED TEST") != std::string_view::npos);
}

}  // namespace

std::string GtestOutput::begin(std::string_view id) {
  id_ = id;
  may_have_ended_ = false;
  const std::string run = std::string(kRun).append(id);
  std::string outside;
  std::size_t at = 0;
  for (bool has_begun = false; !has_begun;) {
    const auto line = line_at(at);
    if (!line) break;
    at += line->size() + 1;
    has_begun = !id.empty() && line->ends_with(run);
    if (has_begun && line->size() > run.size())
      outside.append(line->substr(0, line->size() - run.size())).append("\n");
    else if (!is_frame(*line))
      outside.append(*line).append("\n");
  }
  text_.erase(0, at);
  return outside;
}

std::string GtestOutput::more() {
  std::size_t size = 0;
  while (!may_have_ended_) {
    const auto line = line_at(size);
    if (!line) break;
    may_have_ended_ = line->starts_with(kRun) || mark_in(*line);
    if (!may_have_ended_) size += line->size() + 1;
  }
  if (size == 0 && !may_have_ended_ && text_.size() > kMaxLine) size = text_.size();
  return take(size);
}

GtestOutput::Rest GtestOutput::end() {
  Rest rest;
  std::size_t size = 0;
  std::size_t next = 0;  // behind the line that ends it
  for (std::size_t at = 0; const auto line = line_at(at);) {
    if (line->starts_with(kRun)) break;
    // A test may print such a line, too. The last one is GoogleTest's.
    if (const auto mark = mark_in(*line)) {
      rest.status = mark->status;
      size = at + mark->at;
      next = at + line->size() + 1;
    }
    at += line->size() + 1;
  }
  rest.output = take(size);
  text_.erase(0, next - size);
  return rest;
}

std::string GtestOutput::finish(bool in_test) {
  std::string rest = in_test ? std::string() : begin({});
  rest += take(text_.size());
  return rest;
}

std::optional<std::string_view> GtestOutput::line_at(std::size_t at) const {
  const std::size_t end = text_.find('\n', at);
  if (end == std::string::npos) return std::nullopt;
  return std::string_view(text_).substr(at, end - at);
}

/// "[  FAILED  ] Suite.Name, where GetParam() = 1 (0 ms)", at the end of a line: what a test prints
/// may have no line feed. In its summary GoogleTest prints no time.
std::optional<GtestOutput::Mark> GtestOutput::mark_in(std::string_view line) const {
  if (!line.ends_with(" ms)")) return std::nullopt;
  constexpr std::pair<std::string_view, Status> kMarks[] = {{"[       OK ] ", Status::kSuccess},
                                                            {"[  FAILED  ] ", Status::kFail},
                                                            {"[  SKIPPED ] ", Status::kSkip}};
  std::optional<Mark> last;
  for (const auto& [text, status] : kMarks) {
    const std::size_t at = line.rfind(text);
    if (at == std::string_view::npos || (last && last->at > at)) continue;
    const std::string_view rest = line.substr(at + text.size());
    if (!rest.starts_with(id_)) continue;
    const std::string_view behind = rest.substr(id_.size());
    if (behind.starts_with(" (") || behind.starts_with(", where ")) last = Mark{at, status};
  }
  return last;
}

std::string GtestOutput::take(std::size_t size) {
  std::string taken = text_.substr(0, size);
  text_.erase(0, size);
  return taken;
}

}  // namespace subunit::adapter
