#include "common/report/traceback.h"

#include <algorithm>
#include <vector>

namespace subunit::report {

namespace {

constexpr std::string_view kHead = "Traceback (most recent call last):";
constexpr std::string_view kFile = "  File \"";
constexpr std::string_view kFolders[] = {"/unittest/", "/testtools/", "/_pytest/", "/pluggy/"};

/// With its line feed.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end == text.npos ? end : end + 1);
  text.remove_prefix(line.size());
  return line;
}

std::string_view without_indent(std::string_view line) {
  // Tracebacks of exceptions in a group are indented, and have a bar before them.
  const std::size_t begin = line.find_first_not_of(" |");
  return begin == line.npos ? "" : line.substr(begin);
}

bool is_frame(std::string_view line, std::size_t indent) {
  return line.size() > indent && line.substr(indent).starts_with(kFile);
}

bool is_of_framework(std::string_view line) {
  const std::string_view path = line.substr(0, line.rfind("\", line "));
  const std::size_t end = path.rfind('/');
  if (end == path.npos) return false;
  return std::ranges::any_of(kFolders, [path](std::string_view folder) {
    const std::size_t at = path.rfind(folder);
    // The framework's own folder, not one of a suite that has a part of the same name.
    return at != path.npos && path.substr(0, at).find("/python") != path.npos;
  });
}

struct Frame {
  std::string_view text;
  bool ours;
};

/// The frames behind a head whose lines are indented by `indent`. `text` then begins behind them.
std::vector<Frame> take_frames(std::string_view& text, std::size_t indent) {
  std::vector<Frame> frames;
  while (is_frame(text.substr(0, text.find('\n')), indent)) {
    const std::string_view begin = text;
    const bool ours = !is_of_framework(take_line(text));
    // Its source, and marks below that, are indented more.
    while (text.substr(0, text.find('\n')).find_first_not_of(" |") >= indent + 4 &&
           text.find_first_not_of(" |") != text.npos && !is_frame(text, indent))
      take_line(text);
    frames.push_back({begin.substr(0, begin.size() - text.size()), ours});
  }
  return frames;
}

}  // namespace

std::string without_framework_frames(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    out += line;
    const std::string_view head = without_indent(line);
    if (!head.starts_with(kHead)) continue;
    const auto frames = take_frames(text, line.size() - head.size());
    const bool any = std::ranges::any_of(frames, &Frame::ours);
    for (const Frame& frame : frames)
      if (frame.ours || !any) out += frame.text;
  }
  return out;
}

}  // namespace subunit::report
