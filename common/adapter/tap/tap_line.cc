#include "common/adapter/tap/tap_line.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace subunit::adapter {
namespace {

constexpr std::string_view kBlank = " \t\r";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) + 1 - begin);
}

bool take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

bool is_blank(char c) {
  return kBlank.find(c) != std::string_view::npos;
}

std::string_view take_digits(std::string_view& text) {
  const std::size_t size = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view digits = text.substr(0, size);
  text.remove_prefix(size);
  return digits;
}

/// As TAP 14 escapes: "\#" and "\\".
std::string without_escapes(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '#' || text[i + 1] == '\\')) ++i;
    plain += text[i];
  }
  return plain;
}

struct Directive {
  std::size_t at;  // of its "#"
  std::string word;
  std::string reason;
};

/// "# TODO why", in upper or lower case; any other "#" is part of the description.
std::optional<Directive> find_directive(std::string_view text) {
  constexpr std::array<std::string_view, 5> kWords{"TODO", "SKIP", "XFAIL", "TIMEOUT", "ERROR"};
  for (std::size_t at = text.find('#'); at != std::string_view::npos; at = text.find('#', at + 1)) {
    if (at > 0 && text[at - 1] == '\\') continue;
    const std::string_view rest = trimmed(text.substr(at + 1));
    for (const std::string_view word : kWords) {
      const bool same = rest.size() >= word.size() &&
                        std::ranges::equal(word, rest.substr(0, word.size()), {}, {}, [](char c) {
                          return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
                        });
      if (!same) continue;
      std::string_view reason = rest.substr(word.size());
      // "# skipped: why" is in use, too.
      if (word == "SKIP") {
        for (const std::string_view more : {"ped", "PED"}) {
          if (take(reason, more)) break;
        }
      }
      if (!reason.empty() && !is_blank(reason.front()) && reason.front() != ':' &&
          reason.front() != ',')
        continue;
      if (!reason.empty()) reason.remove_prefix(1);
      return Directive{at, std::string(word), std::string(trimmed(reason))};
    }
  }
  return std::nullopt;
}

std::optional<TapLine::Result> parse_result(std::string_view text) {
  TapLine::Result result{.ok = !take(text, "not "), .description = {}};
  if (!take(text, "ok") || (!text.empty() && !is_blank(text.front()))) return std::nullopt;
  text = trimmed(text);
  std::string_view rest = text;
  const std::string_view number = take_digits(rest);
  if (!number.empty() && (rest.empty() || is_blank(rest.front()))) {
    result.number = number;
    text = trimmed(rest);
  }
  if (text == "-") text = {};
  if (take(text, "- ")) text = trimmed(text);
  if (auto directive = find_directive(text)) {
    result.directive = std::move(directive->word);
    result.reason = std::move(directive->reason);
    text = trimmed(text.substr(0, directive->at));
  }
  // Where it opens a subtest that is to follow in braces.
  if (text.ends_with(" {")) text = trimmed(text.substr(0, text.size() - 1));
  result.description = without_escapes(text);
  return result;
}

std::optional<TapLine::Plan> parse_plan(std::string_view text) {
  if (!take(text, "1..")) return std::nullopt;
  const std::string_view digits = take_digits(text);
  TapLine::Plan plan{};
  if (std::from_chars(digits.data(), digits.data() + digits.size(), plan.tests).ec != std::errc())
    return std::nullopt;
  text = trimmed(text);
  if (!text.empty() && text.front() != '#') return std::nullopt;
  if (const auto directive = find_directive(text); directive && directive->word == "SKIP")
    plan.skip = directive->reason;
  return plan;
}

bool is_version(std::string_view text) {
  return (take(text, "TAP version ") || take(text, "KTAP version ")) && !take_digits(text).empty();
}

}  // namespace

std::optional<TapLine> parse_tap_line(std::string_view line) {
  const std::size_t indent = std::min(line.find_first_not_of(' '), line.size());
  std::string_view text = line.substr(indent);
  while (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  if (auto result = parse_result(text)) return TapLine{indent, std::move(*result)};
  if (auto plan = parse_plan(text)) return TapLine{indent, std::move(*plan)};
  if (is_version(text) || text.starts_with("pragma +") || text.starts_with("pragma -"))
    return TapLine{indent, TapLine::Version{text.starts_with("KTAP")}};
  if (take(text, "Bail out!")) return TapLine{indent, TapLine::BailOut{std::string(trimmed(text))}};
  if (indent > 0 && (text == "---" || text == "..."))
    return TapLine{indent, TapLine::Yaml{text == "---"}};
  // The result of the subtest has its name, too.
  if (text.starts_with("# Subtest: ")) return TapLine{indent, TapLine::Version{false}};
  if (take(text, "#")) return TapLine{indent, TapLine::Comment{std::string(trimmed(text))}};
  return std::nullopt;
}

}  // namespace subunit::adapter
