#include "common/report/ci/xml_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "common/base/text.h"

namespace subunit::report {
namespace {

constexpr std::size_t kMaxCharacter = 4;  // bytes

/// Char of XML 1.0, section 2.2, without what is discouraged there.
bool can_carry(char32_t c) {
  if (c < 0x20) return c == '\t' || c == '\n' || c == '\r';
  return c < 0x7F || (c >= 0xA0 && c != 0xFFFE && c != 0xFFFF);
}

/// The length of the character that `text` begins with; 0 if that is not one that XML can carry.
std::size_t character_length(std::string_view text) {
  if (static_cast<unsigned char>(text[0]) < 0x80) return can_carry(code_point(text.substr(0, 1)));
  for (std::size_t size = 2; size <= std::min(text.size(), kMaxCharacter); ++size) {
    const std::string_view character = text.substr(0, size);
    if (scan_utf8(as_bytes(character)).valid == size)
      return can_carry(code_point(character)) ? size : 0;
  }
  return 0;
}

/// What stands for a character that means something in XML; "" for the others.
std::string_view reference(char c, bool in_attribute) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '\r':
      return "&#13;";
    case '"':
      return in_attribute ? "&quot;" : "";
    case '\n':
      return in_attribute ? "&#10;" : "";
    case '\t':
      return in_attribute ? "&#9;" : "";
    default:
      return "";
  }
}

void append(std::string& xml, std::string_view text, bool in_attribute) {
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    if (length == 0) {
      fmt::format_to(std::back_inserter(xml), "\\x{:02x}", static_cast<unsigned char>(text[0]));
      text.remove_prefix(1);
      continue;
    }
    const std::string_view special = reference(text[0], in_attribute);
    xml += special.empty() ? text.substr(0, length) : special;
    text.remove_prefix(length);
  }
}

}  // namespace

void append_xml(std::string& xml, std::string_view text) {
  append(xml, text, false);
}

void append_attribute(std::string& xml, std::string_view name, std::string_view value) {
  xml.append(" ").append(name).append("=\"");
  append(xml, value, true);
  xml += '"';
}

void append_element(std::string& xml, std::string_view name, std::string_view text) {
  if (text.empty()) return;
  xml.append("<").append(name).append(">");
  append_xml(xml, text);
  xml.append("</").append(name).append(">\n");
}

}  // namespace subunit::report
