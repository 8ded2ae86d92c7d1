#include "common/adapter/xml/xml_reader.h"

#include <expat.h>
#include <fmt/core.h>

#include <algorithm>
#include <limits>

namespace subunit::adapter {

namespace {

// A character of three bytes that may not be fit for XML begins with one of these.
constexpr std::string_view kLeads = "\xED\xEF";

bool is_fit(std::string_view character) {
  const bool is_surrogate =
      character[0] == '\xED' && static_cast<unsigned char>(character[1]) >= 0xA0;
  return !is_surrogate && character != "\xEF\xBF\xBE" && character != "\xEF\xBF\xBF";
}

/// How many bytes at the end may belong to such a character, and do not make it whole.
std::size_t cut_at_end(std::string_view bytes) {
  const std::size_t begin = bytes.size() - std::min<std::size_t>(bytes.size(), 2);
  const std::size_t lead = bytes.find_first_of(kLeads, begin);
  return lead == std::string_view::npos ? 0 : bytes.size() - lead;
}

}  // namespace

std::string fit_for_xml(std::string_view text) {
  std::string fit;
  while (true) {
    const std::size_t lead = std::min(text.size(), text.find_first_of(kLeads));
    fit += text.substr(0, lead);
    text.remove_prefix(lead);
    if (text.size() < 3) return fit.append(text);
    const std::string_view character = text.substr(0, 3);
    if (is_fit(character)) {
      fit += text.front();
      text.remove_prefix(1);
    } else {
      for (const char byte : character)
        fit += fmt::format("\\x{:02X}", static_cast<unsigned char>(byte));
      text.remove_prefix(3);
    }
  }
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

Result<> XmlReader::receive(std::string_view received) {
  cut_ += received;
  const std::size_t whole = cut_.size() - cut_at_end(cut_);
  const std::string fit = fit_for_xml(std::string_view(cut_).substr(0, whole));
  cut_.erase(0, whole);
  std::string_view bytes = fit;
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
