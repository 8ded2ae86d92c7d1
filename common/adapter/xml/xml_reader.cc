#include "common/adapter/xml/xml_reader.h"

#include <expat.h>
#include <fmt/core.h>

#include <algorithm>
#include <limits>

namespace subunit::adapter {

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

Result<> XmlReader::receive(std::string_view bytes) {
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
