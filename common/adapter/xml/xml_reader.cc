#include "common/adapter/xml/xml_reader.h"

#include <expat.h>
#include <fmt/core.h>

#include <algorithm>
#include <limits>

#include "common/base/text.h"

namespace subunit::adapter {

namespace {

void append_escaped(std::string& text, std::string_view bytes) {
  for (const char byte : bytes) text += fmt::format("\\x{:02X}", static_cast<unsigned char>(byte));
}

/// How many bytes the character at the front has, if XML 1.0 has none of that kind (section 2.2).
std::size_t unfit(std::string_view text) {
  const std::string_view character = text.substr(0, 3);
  if (character == "\xEF\xBF\xBE" || character == "\xEF\xBF\xBF") return 3;
  const auto code = static_cast<unsigned char>(text.front());
  return code < 0x20 && code != '\t' && code != '\n' && code != '\r' ? 1 : 0;
}

void append_characters(std::string& fit, std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = unfit(text);
    if (size > 0) {
      append_escaped(fit, text.substr(0, size));
    } else {
      fit += text.front();
    }
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
}

/// Returns the start of a character that is cut at the end, which is not appended.
std::string_view append_fit(std::string& fit, std::string_view text) {
  while (true) {
    const Utf8Scan scan = scan_utf8(as_bytes(text));
    append_characters(fit, text.substr(0, scan.valid));
    text.remove_prefix(scan.valid);
    if (text.empty() || scan.cut) return text;
    append_escaped(fit, text.substr(0, 1));
    text.remove_prefix(1);
  }
}

}  // namespace

std::string fit_for_xml(std::string_view text) {
  std::string fit;
  append_escaped(fit, append_fit(fit, text));
  return fit;
}

std::string_view XmlElement::operator[](std::string_view attribute) const {
  const auto found =
      std::ranges::find(attributes, attribute, &std::pair<std::string, std::string>::first);
  return found == attributes.end() ? std::string_view() : found->second;
}

struct XmlReader::Parser {
  explicit Parser(XmlEvents& to) : events(to), expat(XML_ParserCreate("UTF-8")) {
    XML_SetUserData(expat, this);
    XML_SetElementHandler(expat, &begin, &end);
    XML_SetCharacterDataHandler(expat, &text);
#ifdef EXPAT_DEFERS
    // What has come is wanted now, and not when much more has.
    XML_SetReparseDeferralEnabled(expat, XML_FALSE);
#endif
  }
  ~Parser() {
    XML_ParserFree(expat);
  }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  static void begin(void* self, const char* name, const char** attributes) {
    auto& [events, expat, open] = *static_cast<Parser*>(self);
    XmlElement element{name};
    for (; *attributes; attributes += 2)
      element.attributes.emplace_back(attributes[0], attributes[1]);
    open.push_back(std::move(element));
    events.begin_element(open.back());
  }

  static void end(void* self, const char*) {
    auto& [events, expat, open] = *static_cast<Parser*>(self);
    const XmlElement element = std::move(open.back());
    open.pop_back();
    events.end_element(element);
  }

  static void text(void* self, const char* text, int size) {
    auto& open = static_cast<Parser*>(self)->open;
    if (!open.empty()) open.back().text.append(text, static_cast<std::size_t>(size));
  }

  XmlEvents& events;
  XML_Parser expat;
  std::vector<XmlElement> open;
};

XmlReader::XmlReader(XmlEvents& events) : parser_(std::make_unique<Parser>(events)) {}
XmlReader::~XmlReader() = default;

/// Of a tab or line feed in an attribute, XML makes a blank, unless it is written by its number.
std::string XmlReader::with_white_space(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const bool is_white_space = c == '\t' || c == '\n' || c == '\r';
    if (in_attribute_ && is_white_space)
      text += fmt::format("&#{};", static_cast<int>(c));
    else
      text += c;
    if (in_tag_ && c == '"')
      in_attribute_ = !in_attribute_;
    else if (!in_attribute_ && (c == '<' || c == '>'))
      in_tag_ = c == '<';
  }
  return text;
}

Result<> XmlReader::receive(std::string_view received) {
  cut_ += received;
  std::string fit;
  cut_ = std::string(append_fit(fit, cut_));
  const std::string document = with_white_space(fit);
  std::string_view bytes = document;
  constexpr std::size_t kMost = std::numeric_limits<int>::max();
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kMost);
    bytes.remove_prefix(piece.size());
    if (XML_Parse(parser_->expat, piece.data(), static_cast<int>(piece.size()), XML_FALSE) ==
        XML_STATUS_OK)
      continue;
    return error("not XML in line {}: {}", XML_GetCurrentLineNumber(parser_->expat),
                 XML_ErrorString(XML_GetErrorCode(parser_->expat)));
  }
  return {};
}

}  // namespace subunit::adapter
