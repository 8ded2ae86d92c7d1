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
    found_ = steps_[at_].expression.find(readable(seen_)).has_value();
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
