#include "common/report/ci/failure.h"

#include <algorithm>
#include <optional>

#include "common/base/text.h"
#include "common/report/ci/test_name.h"

namespace subunit::report {
namespace {

constexpr std::size_t kMaxMessage = 1000;    // bytes: a line, however long
constexpr std::size_t kMaxContinuation = 4;  // lines of a message

/// Of the file with which we, or a proxy, end a test on behalf of its server.
constexpr std::string_view kVerdictFile = "subunit-proxy";

bool is_output(std::string_view name, std::string_view stream) {
  if (!name.starts_with(stream)) return false;
  name.remove_prefix(stream.size());
  return name.empty() || name[0] == '.' || name[0] == '-';
}

bool is_output(std::string_view name) {
  return is_output(name, "stdout") || is_output(name, "stderr");
}

void append_text(std::string& to, std::string_view text) {
  if (!to.empty() && !to.ends_with('\n')) to += '\n';
  to += text;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
}

std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : trimmed(text)) {
    if (c != '\n' && c != '\r')
      line += c;
    else if (!line.ends_with(' '))
      line += ' ';
  }
  return shortened(line, kMaxMessage);
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    lines.push_back(line.ends_with('\r') ? line.substr(0, line.size() - 1) : line);
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return lines;
}

using Lines = std::vector<std::string_view>;

/// The name of an exception's class, "package.SomeError", at the beginning of a line; "" if there
/// is none.
std::string_view exception_name(std::string_view line) {
  const std::string_view name = line.substr(0, line.find(':'));
  const auto fits = [](char c) {
    return c == '.' || c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
  };
  return !name.empty() && std::ranges::all_of(name, fits) ? name : "";
}

struct Raised {
  std::string_view type;
  std::string_view message;
};

/// What stands after the last frame of a Python traceback, and the lines of source code in it.
std::optional<Raised> raised_in_traceback(const Lines& lines) {
  auto at = std::find_if(lines.rbegin(), lines.rend(), [](std::string_view line) {
    return trimmed(line).starts_with("File \"") && line.find("\", line ") != line.npos;
  });
  if (at == lines.rend()) return std::nullopt;
  for (auto line = at.base(); line != lines.end(); ++line) {
    if (line->starts_with("    ") || trimmed(*line).empty()) continue;
    const std::string_view text = trimmed(*line);
    if (text.starts_with("[Previous line repeated")) continue;
    return Raised{exception_name(text), text};
  }
  return std::nullopt;
}

/// pytest: "E   message" in the last such block, and "path.py:12: Type" after it.
std::optional<Raised> raised_in_pytest(const Lines& lines) {
  const auto is_message = [](std::string_view line) { return line.starts_with("E  "); };
  const auto last = std::find_if(lines.rbegin(), lines.rend(), is_message);
  if (last == lines.rend()) return std::nullopt;
  auto first = std::prev(last.base());
  while (first != lines.begin() && is_message(*std::prev(first))) --first;
  Raised raised{"", trimmed(first->substr(1))};
  for (auto line = last.base(); line != lines.end(); ++line) {
    const std::size_t colon = line->rfind(": ");
    if (colon != std::string_view::npos && colon > 0 && line->find(':') < colon)
      raised.type = exception_name(line->substr(colon + 2));
  }
  if (raised.type.empty() && raised.message.find(": ") != std::string_view::npos)
    raised.type = exception_name(raised.message);
  return raised;
}

std::optional<Raised> raised_in(std::string_view text) {
  const Lines lines = lines_of(text);
  if (auto raised = raised_in_pytest(lines)) return raised;
  return raised_in_traceback(lines);
}

/// What no tag tells, of an attempt that is not the last, or by an older proxy.
std::string_view kind_of_verdict(std::string_view text) {
  if (text.starts_with("not run")) return "not-run";
  if (text.starts_with("timed out")) return "timed-out";
  const bool is_crash =
      text.starts_with("the test server ") || text.starts_with("the test program ");
  return is_crash ? "crashed" : "aborted";
}

/// The first line that tells something; with those that are part of it, which are indented.
std::string first_message(std::string_view text) {
  std::string message;
  std::size_t more = 0;
  for (const std::string_view line : lines_of(text)) {
    if (!message.empty()) {
      if (!line.starts_with("  ") || ++more > kMaxContinuation) break;
      message.append(" ").append(trimmed(line));
      continue;
    }
    // The sections of a test of doctest or Catch2.
    if (!(line.starts_with("in ") && line.ends_with(':'))) message = trimmed(line);
  }
  return message;
}

/// "AssertionError", "Failed" of pytest.fail(), "MismatchError" of testtools.
bool is_assertion(std::string_view type) {
  const std::size_t dot = type.rfind('.');
  if (dot != std::string_view::npos) type.remove_prefix(dot + 1);
  return type.empty() || type.find("Assert") != std::string_view::npos || type == "Failed" ||
         type == "MismatchError" || type.ends_with("Failure");
}

const Attachments::Text* file_named(const Texts& files, std::string_view name) {
  const auto found = std::ranges::find(files, name, &Attachments::Text::name);
  return found == files.end() ? nullptr : &*found;
}

/// Something around the test, and not the test, has failed.
bool has_failed_around(std::string_view test_id, const Texts& files) {
  if (is_of_fixture(test_id) || test_id.ends_with(" (teardown)")) return true;
  if (file_named(files, "traceback")) {
    const auto* reason = file_named(files, "reason");
    return reason && trimmed(reason->text).ends_with("did not run.");
  }
  return file_named(files, "setup") || file_named(files, "teardown");
}

}  // namespace

Printed printed_of(const Texts& files) {
  Printed printed;
  const auto is_detail = [](const Attachments::Text& file) { return !is_output(file.name); };
  const bool is_named = std::ranges::count_if(files, is_detail) > 1;
  for (const Attachments::Text& file : files) {
    if (is_output(file.name, "stdout")) {
      printed.out += file.text;
    } else if (is_output(file.name, "stderr")) {
      printed.err += file.text;
    } else {
      const bool is_alone = file.is_text && !is_named;
      append_text(printed.details, is_alone ? "" : std::string(file.name) + ":\n");
      printed.details += file.text;
    }
  }
  return printed;
}

Failure failure_of(std::string_view test_id, Status status, std::string_view why,
                   const Texts& files) {
  if (status == Status::kUnexpectedSuccess)
    return {.type = "UnexpectedSuccess", .message = "it passed, but was expected to fail"};
  Failure failure;
  if (const auto* verdict = file_named(files, kVerdictFile); verdict || !why.empty()) {
    failure.is_error = true;
    failure.type = why.empty() ? kind_of_verdict(verdict->text) : why;
    failure.message = one_line(first_message(verdict ? verdict->text : why));
    return failure;
  }
  for (const Attachments::Text& file : files) {
    if (is_output(file.name) || !file.is_text) continue;
    if (const auto raised = raised_in(file.text)) {
      failure.type = raised->type;
      failure.message = one_line(raised->message);
      break;
    }
    if (failure.message.empty() && file.name != "reason")
      failure.message = one_line(first_message(file.text));
  }
  failure.is_error = has_failed_around(test_id, files) || !is_assertion(failure.type);
  if (failure.type.empty()) failure.type = failure.is_error ? "error" : "failure";
  if (failure.message.empty()) failure.message = "it failed";
  return failure;
}

std::string reason_of(const Texts& files) {
  if (const auto* reason = file_named(files, "reason")) return one_line(reason->text);
  if (const auto* verdict = file_named(files, kVerdictFile))
    return one_line(first_message(verdict->text));
  for (const Attachments::Text& file : files) {
    if (is_output(file.name) || !file.is_text) continue;
    const auto raised = raised_in(file.text);
    return raised ? one_line(raised->message) : one_line(first_message(file.text));
  }
  return "";
}

}  // namespace subunit::report
