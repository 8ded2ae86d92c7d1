#include "common/base/python_config.h"

#include <algorithm>

#include "common/base/text.h"

namespace subunit {
namespace {

constexpr std::string_view kSpaces = " \t\n\r\f\v";
constexpr std::string_view kDefaultSection = "DEFAULT";
constexpr int kMaxDepth = 10;  // configparser.MAX_INTERPOLATION_DEPTH

std::string_view stripped(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(kSpaces), text.size());
  return text.substr(begin, text.find_last_not_of(kSpaces) + 1 - begin);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

/// The name in `[name]`: up to the last bracket.
std::optional<std::string_view> section_in(std::string_view line) {
  const std::size_t end = line.rfind(']');
  if (!line.starts_with('[') || end == line.npos || end < 2) return std::nullopt;
  return line.substr(1, end - 1);
}

}  // namespace

Result<PythonConfig> PythonConfig::parse(std::string_view text) {
  PythonConfig config;
  std::string elsewhere;           // the value of an option in another section
  std::string* value = nullptr;    // of the option that the line before belongs to
  std::size_t indent = 0;          // of that option
  std::optional<bool> in_default;  // nothing before the first section
  std::size_t number = 0;
  while (!text.empty()) {
    const std::string_view raw = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(raw.size() + 1, text.size()));
    ++number;
    const std::string_view line = stripped(raw);
    if (line.empty() && value) *value += '\n';
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    const std::size_t line_indent = raw.find_first_not_of(kSpaces);
    if (value && line_indent > indent) {
      value->append("\n").append(line);
      continue;
    }

    indent = line_indent;
    value = nullptr;
    if (const auto section = section_in(line)) {
      in_default = *section == kDefaultSection;
      continue;
    }
    const std::size_t delimiter = line.find_first_of("=:");
    if (!in_default || delimiter == line.npos || delimiter == 0) {
      return error("line {} is neither the name of a section nor an option in one: \"{}\"", number,
                   escaped(line));
    }
    const std::string name = lower(stripped(line.substr(0, delimiter)));
    if (*in_default && config.values_.contains(name))
      return error("line {} sets the option \"{}\" a second time", number, escaped(name));
    value = *in_default ? &config.values_[name] : &elsewhere;
    *value = stripped(line.substr(delimiter + 1));
  }
  for (auto& [_, each] : config.values_) each.erase(each.find_last_not_of(kSpaces) + 1);
  return config;
}

Result<std::optional<std::string>> PythonConfig::get(std::string_view name) const {
  const auto found = values_.find(lower(name));
  if (found == values_.end()) return std::nullopt;
  std::string value;
  if (auto done = interpolate(found->second, 1, value); !done)
    return error("option \"{}\": {}", escaped(name), done.error().text);
  return value;
}

Result<> PythonConfig::interpolate(std::string_view value, int depth, std::string& out) const {
  if (depth > kMaxDepth)
    return error("values refer to each other more than {} levels deep", kMaxDepth);
  while (!value.empty()) {
    const std::string_view plain = value.substr(0, value.find('%'));
    if (out.size() + plain.size() > kMaxValue)
      return error("the value is longer than {} bytes", kMaxValue);
    out += plain;
    value.remove_prefix(plain.size());
    if (value.empty()) break;
    if (value.starts_with("%%")) {
      out += '%';
      value.remove_prefix(2);
      continue;
    }
    const std::size_t end = value.find(')');
    if (!value.starts_with("%(") || end == 2 || end == value.npos ||
        value.substr(end + 1, 1) != "s")
      return error(
          "\"{}\" is neither %%, for a percent sign, nor %(name)s, for the value of another option",
          escaped(value.substr(0, 20)));
    const std::string name = lower(value.substr(2, end - 2));
    const auto other = values_.find(name);
    if (other == values_.end())
      return error("\"%({})s\" refers to an option that is not set", escaped(name));
    if (auto done = interpolate(other->second, depth + 1, out); !done) return done;
    value.remove_prefix(end + 2);
  }
  return {};
}

}  // namespace subunit
