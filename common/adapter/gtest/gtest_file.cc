#include "common/adapter/gtest/gtest_file.h"

#include <algorithm>

#include "common/base/json.h"
#include "common/base/text.h"

namespace subunit::adapter {
namespace {

const JsonValue::List& list_in(const JsonValue& object, std::string_view name) {
  static const JsonValue::List kNone;
  const JsonValue* const field = object.find(name);
  const auto* const list = field ? field->get<JsonValue::List>() : nullptr;
  return list ? *list : kNone;
}

std::string_view text_in(const JsonValue& object, std::string_view name) {
  const JsonValue* const field = object.find(name);
  const auto* const text = field ? field->get<std::string>() : nullptr;
  return text ? std::string_view(*text) : std::string_view();
}

std::string as_utf8(std::string_view text) {
  std::string cleaned;
  while (!text.empty()) {
    const std::size_t valid = scan_utf8(as_bytes(text)).valid;
    cleaned += text.substr(0, valid);
    if (valid < text.size()) cleaned += '?';
    text.remove_prefix(std::min(text.size(), valid + 1));
  }
  return cleaned;
}

/// GoogleTest writes each byte above 0x7F as a code point of its own.
std::string unescaped(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto first = static_cast<unsigned char>(text[i]);
    if (first < 0x80) {
      bytes += text[i];
    } else if ((first == 0xC2 || first == 0xC3) && i + 1 < text.size()) {
      bytes += static_cast<char>((first << 6) | (static_cast<unsigned char>(text[++i]) & 0x3F));
    } else {
      return std::string(text);  // a version that writes it as it is
    }
  }
  return bytes;
}

}  // namespace

Result<std::vector<GtestCase>> parse_gtest_file(std::string_view json) {
  const auto document = parse_json(as_utf8(json));
  if (!document) return tl::unexpected(document.error());
  std::vector<GtestCase> cases;
  for (const JsonValue& suite : list_in(*document, "testsuites")) {
    for (const JsonValue& test : list_in(suite, "testsuite")) {
      GtestCase each{.id = unescaped(text_in(suite, "name"))};
      each.id.append(".").append(unescaped(text_in(test, "name")));
      each.was_left_out = text_in(test, "status") == "NOTRUN";
      each.was_skipped = text_in(test, "result") == "SKIPPED";
      for (const JsonValue& failure : list_in(test, "failures"))
        each.failures.push_back(unescaped(text_in(failure, "failure")));
      cases.push_back(std::move(each));
    }
  }
  return cases;
}

}  // namespace subunit::adapter
