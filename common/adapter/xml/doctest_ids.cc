#include "common/adapter/xml/doctest_ids.h"

#include <fmt/core.h>

#include <array>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "common/base/text.h"

namespace subunit::adapter {

namespace {

constexpr std::size_t kForms = 4;

std::array<std::string, kForms> forms(const DoctestName& test) {
  const std::string_view file = test.file;
  const std::string_view base = file.substr(file.rfind('/') + 1);  // npos + 1 is 0
  return {test.name, fmt::format("{}: {}", base, test.name), fmt::format("{}: {}", file, test.name),
          fmt::format("{}:{}: {}", file, test.line, test.name)};
}

std::string as_id(std::string text) {
  if (is_text(as_bytes(text))) return text;
  return escaped(text, text.size());
}

}  // namespace

std::vector<std::string> doctest_ids(const std::vector<DoctestName>& names) {
  std::array<std::unordered_map<std::string, int>, kForms> counts;
  for (const DoctestName& name : names) {
    const auto all = forms(name);
    for (std::size_t form = 0; form < kForms; ++form) ++counts[form][all[form]];
  }
  std::vector<std::string> ids;
  ids.reserve(names.size());
  std::unordered_map<std::string, int> times;  // that an id was wanted
  for (const DoctestName& name : names) {
    auto all = forms(name);
    std::size_t form = name.name.empty() ? 1 : 0;
    while (form + 1 < kForms && counts[form][all[form]] > 1) ++form;
    const std::string wanted = as_id(std::move(all[form]));
    std::string id = wanted;
    while (++times[id] > 1) id = fmt::format("{} #{}", wanted, times[wanted]);
    ids.push_back(std::move(id));
  }
  return ids;
}

}  // namespace subunit::adapter
