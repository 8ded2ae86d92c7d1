#include "proxy/channel/console_script.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/base/text.h"
#include "common/link/reader/line_bytes.h"

namespace proxy {

using subunit::error;
using subunit::escaped;
using subunit::Result;

namespace {

constexpr std::string_view kMark = "#%";  // what begins a frame of the link, see frame.h
constexpr std::size_t kMaxShown = 300;    // where it stands is what matters

/// As a person reads it: without escape sequences, whole or not.
std::string readable(std::string_view text) {
  using subunit::link::EscapeSequences;
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '\x1b') {
      const subunit::Bytes rest = subunit::as_bytes(text.substr(at));
      const auto size = subunit::link::escape_sequence(rest, EscapeSequences::kAll);
      at += std::max<std::size_t>(size.value_or(rest.size()), 1);
      continue;
    }
    if (text[at] != '\r' && text[at] != '\0') result += text[at];
    ++at;
  }
  return result;
}

/// How long the time is that the kernel begins a line with: "[   37.312345] ", with its level
/// before that or its caller behind ("<6>[   37.312345][  T159] "). 0: `text` does not begin with
/// one.
std::size_t size_of_kernel_time(std::string_view text) {
  std::size_t at = 0;
  const auto skip = [&](auto wanted) {
    const std::size_t from = at;
    while (at < text.size() && wanted(text[at])) ++at;
    return at - from;
  };
  const auto take = [&](char wanted) { return at < text.size() && text[at] == wanted && ++at; };
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto is_blank = [](char c) { return c == ' '; };
  if (take('<') && !(skip(is_digit) && take('>'))) return 0;
  if (!take('[')) return 0;
  skip(is_blank);
  if (!skip(is_digit) || !take('.') || !skip(is_digit) || !take(']')) return 0;
  if (take('[')) {
    skip([](char c) { return c != ']' && c != '\n'; });
    if (!take(']')) return 0;
  }
  return take(' ') ? at : 0;
}

/// Without what the kernel prints, which may begin in the middle of somebody else's line and has
/// the rest of it; of the last line, without what has come of it.
std::string without_kernel_lines(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    if (size_of_kernel_time(text.substr(at)) > 0) {
      at = std::min(text.find('\n', at), text.size() - 1);
    } else {
      result += text[at];
    }
    ++at;
  }
  return result;
}

/// `$` does not match before a kernel's line that follows the prompt; and somebody may wait for
/// what the kernel prints.
bool is_found(const subunit::Regex& expression, std::string_view seen) {
  const std::string text = readable(seen);
  if (expression.find(text)) return true;
  const std::string others = without_kernel_lines(text);
  return others.size() < text.size() && expression.find(others);
}

}  // namespace

Result<ConsoleStep> ConsoleStep::create(std::string command, std::string wait) {
  if (command.find(kMark) != std::string::npos) {
    return error(
        "--console-command \"{}\" contains \"{}\", which begins each frame of the console link: "
        "the echo of it would look like an answer",
        escaped(command), kMark);
  }
  auto expression = subunit::Regex::create("--console-wait", wait);
  if (!expression) return tl::unexpected(expression.error());
  return ConsoleStep{std::move(command), std::move(wait), std::move(*expression)};
}

void ConsoleScript::receive(subunit::Bytes printed) {
  // In pieces: there may be much behind a prompt, from a kernel that talks all the time.
  while (!done() && !found_ && !printed.empty()) {
    const subunit::Bytes piece = printed.first(std::min(printed.size(), kMaxSeen / 2));
    printed = printed.subspan(piece.size());
    seen_ += subunit::as_text(piece);
    if (seen_.size() > kMaxSeen) seen_.erase(0, seen_.size() - kMaxSeen);
    found_ = is_found(steps_[at_].expression, seen_);
  }
}

std::optional<std::string> ConsoleScript::next() {
  if (done() || !(found_ || steps_[at_].wait.empty())) return std::nullopt;
  seen_.clear();
  found_ = false;
  return steps_[at_++].command + "\r";
}

std::string ConsoleScript::waits_for() const {
  const std::string_view seen = seen_;
  const bool cut = seen.size() > kMaxShown;
  return fmt::format(
      "for the console to print what --console-wait \"{}\" looks for, before \"{}\" is typed; "
      "since then it has printed {}\"{}\"",
      escaped(steps_[at_].wait), escaped(steps_[at_].command), cut ? "…" : "",
      escaped(cut ? seen.substr(seen.size() - kMaxShown) : seen, kMaxShown));
}

}  // namespace proxy
