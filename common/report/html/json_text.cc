#include "common/report/html/json_text.h"

#include <fmt/core.h>

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

std::size_t count_plain(std::string_view text) {
  std::size_t count = 0;
  while (count < text.size() && kPlain[static_cast<unsigned char>(text[count])]) ++count;
  return count;
}

/// Of well-formed UTF-8.
void append_characters(std::string& json, std::string_view text) {
  for (;;) {
    const std::size_t plain = count_plain(text);
    json += text.substr(0, plain);
    if (plain == text.size()) return;
    const char other = text[plain];
    text.remove_prefix(plain + 1);
    if (other == '"' || other == '\\') {
      json += '\\';
      json += other;
    } else if (other == '\n') {
      json += "\\n";
    } else {
      fmt::format_to(std::back_inserter(json), "\\u{:04x}", static_cast<unsigned char>(other));
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
