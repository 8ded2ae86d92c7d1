#include "common/adapter/gtest_output.h"

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
  std::string outside;
  std::size_t at = 0;
  for (bool has_begun = false; !has_begun;) {
    const auto line = line_at(at);
    if (!line) break;
    at += line->size() + 1;
    has_begun = !id.empty() && line->starts_with(kRun) && line->substr(kMarker) == id;
    if (!is_frame(*line)) outside.append(*line).append("\n");
  }
  text_.erase(0, at);
  return outside;
}

std::string GtestOutput::more() {
  std::size_t size = 0;
  while (!may_have_ended_) {
    const auto line = line_at(size);
    if (!line) break;
    may_have_ended_ = status_in(*line).has_value();
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
    if (const auto status = status_in(*line)) {
      rest.status = status;
      size = at;
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

/// "[  FAILED  ] Suite.Name, where GetParam() = 1 (0 ms)"
std::optional<Status> GtestOutput::status_in(std::string_view line) const {
  const std::string_view marker = line.substr(0, kMarker);
  std::optional<Status> status;
  if (marker == "[       OK ] ") status = Status::kSuccess;
  if (marker == "[  FAILED  ] ") status = Status::kFail;
  if (marker == "[  SKIPPED ] ") status = Status::kSkip;
  if (!status || !line.substr(kMarker).starts_with(id_)) return std::nullopt;
  line.remove_prefix(kMarker + id_.size());
  if (line.empty() || line.starts_with(", where ") || line.starts_with(" (")) return status;
  return std::nullopt;
}

std::string GtestOutput::take(std::size_t size) {
  std::string taken = text_.substr(0, size);
  text_.erase(0, size);
  return taken;
}

}  // namespace subunit::adapter
