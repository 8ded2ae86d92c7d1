#include "common/report/html/json_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "common/base/text.h"

namespace subunit::report {
namespace {

/// By byte.
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> plain{};
  for (std::size_t byte = 0x20; byte < plain.size(); ++byte)
    plain[byte] = byte != 0x7F && byte != '<' && byte != '"' && byte != '\\';
  return plain;
}();

bool is_plain(char character) {
  return kPlain[static_cast<unsigned char>(character)];
}

/// Of well-formed UTF-8.
void append_characters(std::string& json, std::string_view text) {
  while (!text.empty()) {
    const auto end = std::ranges::find_if_not(text, is_plain);
    json.append(text.begin(), end);
    if (end == text.end()) return;
    text.remove_prefix(static_cast<std::size_t>(end - text.begin()) + 1);
    if (*end == '"' || *end == '\\') {
      json += '\\';
      json += *end;
    } else if (*end == '\n') {
      json += "\\n";
    } else {
      fmt::format_to(std::back_inserter(json), "\\u{:04x}", static_cast<unsigned char>(*end));
    }
  }
}

}  // namespace

void append_json(std::string& json, std::string_view text) {
  json += '"';
  for (;;) {
    const std::size_t valid = scan_utf8(as_bytes(text)).valid;
    append_characters(json, text.substr(0, valid));
    if (valid == text.size()) break;
    fmt::format_to(std::back_inserter(json), "\\\\x{:02x}",
                   static_cast<unsigned char>(text[valid]));
    text.remove_prefix(valid + 1);
  }
  json += '"';
}

}  // namespace subunit::report
