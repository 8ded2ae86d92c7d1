#include "common/report/id_list.h"

#include "common/base/json.h"

namespace subunit::report {

namespace {

constexpr std::string_view kBlanks = " \t\r\v\f";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_quoted(std::string_view line) {
  return line.size() >= 2 && line.front() == '"' && line.back() == '"';
}

std::string_view without_blanks_at_end(std::string_view line) {
  return line.substr(0, line.find_last_not_of(kBlanks) + 1);
}

}  // namespace

void append_id(std::string& text, std::string_view id) {
  const bool survives = !id.empty() && id.find('\n') == id.npos &&
                        without_blanks_at_end(id) == id && !is_quoted(id) &&
                        !id.starts_with(kByteOrderMark);
  text += survives ? std::string(id) : json_text(id);
  text += '\n';
}

std::vector<std::string> parse_ids(std::string_view text) {
  std::vector<std::string> ids;
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  while (!text.empty()) {
    const std::string_view whole = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), whole.size() + 1));
    const std::string_view line = without_blanks_at_end(whole);
    if (line.empty()) continue;
    const auto quoted = is_quoted(line) ? parse_json(line) : JsonValue();
    const auto* const id = quoted ? quoted->get<std::string>() : nullptr;
    ids.emplace_back(id ? *id : line);
  }
  return ids;
}

}  // namespace subunit::report
