#include "proxy/run/selection.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iostream>
#include <unordered_map>
#include <unordered_set>

#include "common/base/escape.h"
#include "common/base/utf8.h"

namespace proxy {

using subunit::error;
using subunit::Result;

namespace {

Result<> read_list(const std::string& path, std::vector<std::string>& ids) {
  std::ifstream file;
  if (path != "-") file.open(path);
  std::istream& lines = path == "-" ? std::cin : file;
  if (!lines)
    return error("cannot read the list \"{}\": {}", subunit::escaped(path), std::strerror(errno));
  std::string line;
  while (std::getline(lines, line)) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) ids.push_back(line);
  }
  if (lines.bad())
    return error("cannot read the list \"{}\": {}", subunit::escaped(path), std::strerror(errno));
  return {};
}

}  // namespace

Result<Selection> Selection::from(const RunOptions& options, const subunit::rpc::TestIds& preset) {
  Selection selection;
  for (const std::string& expression : options.match) {
    auto compiled = subunit::Regex::create("--match", expression);
    if (!compiled) return tl::unexpected(compiled.error());
    selection.expressions_.push_back(std::move(*compiled));
  }
  if (!options.load_list && options.tests.empty() && !preset) return selection;

  std::vector<std::string> ids = preset.value_or(options.tests);
  if (options.load_list) {
    if (auto read = read_list(*options.load_list, ids); !read) return tl::unexpected(read.error());
  }
  for (const std::string& id : ids) {
    if (!subunit::is_text(subunit::as_bytes(id)))
      return error("test id \"{}\" is not UTF-8", subunit::escaped(id));
  }
  const std::size_t named = ids.size();
  std::erase_if(ids, [&selection](const std::string& id) { return !selection.matches(id); });
  if (ids.empty() && named > 0)
    return error("none of the {} tests named matches: nothing to do", named);
  selection.named_ = unique(std::move(ids));
  selection.suite_order_ = options.suite_order;
  return selection;
}

std::vector<std::string> Selection::arranged(const std::vector<std::string>& listed) const {
  std::vector<std::string> ids = named_.value_or(std::vector<std::string>());
  if (!suite_order_) return ids;
  std::unordered_map<std::string_view, std::size_t> places;
  for (const std::string& id : listed) places.emplace(id, places.size());
  const auto place = [&places](const std::string& id) {
    const auto found = places.find(id);
    return found == places.end() ? SIZE_MAX : found->second;
  };
  std::ranges::stable_sort(ids, {}, place);
  return ids;
}

bool Selection::matches(std::string_view id) const {
  if (expressions_.empty()) return true;
  return std::ranges::any_of(expressions_, [id](const subunit::Regex& expression) {
    return expression.find(id).has_value();
  });
}

std::vector<std::string> unique(std::vector<std::string> ids) {
  std::unordered_set<std::string> seen;
  std::erase_if(ids, [&seen](const std::string& id) { return !seen.insert(id).second; });
  return ids;
}

}  // namespace proxy
