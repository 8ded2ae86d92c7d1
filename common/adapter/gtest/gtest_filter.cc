#include "common/adapter/gtest/gtest_filter.h"

#include <algorithm>

namespace subunit::adapter {

namespace {

bool matches_pattern(std::string_view pattern, std::string_view name) {
  std::size_t at = 0;
  std::size_t in_name = 0;
  std::size_t star = std::string_view::npos;  // the latest one, which has taken up to star_end
  std::size_t star_end = 0;
  while (in_name < name.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      star_end = in_name;
    } else if (at < pattern.size() && (pattern[at] == '?' || pattern[at] == name[in_name])) {
      ++at;
      ++in_name;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      in_name = ++star_end;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at) == std::string_view::npos;
}

bool matches_one(std::string_view patterns, std::string_view name) {
  while (true) {
    const std::size_t colon = patterns.find(':');
    if (matches_pattern(patterns.substr(0, colon), name)) return true;
    if (colon == std::string_view::npos) return false;
    patterns.remove_prefix(colon + 1);
  }
}

}  // namespace

bool matches_gtest_filter(std::string_view filter, std::string_view name) {
  const std::size_t dash = filter.find('-');
  const std::string_view positive = filter.substr(0, dash);
  if (!matches_one(positive.empty() && dash == 0 ? "*" : positive, name)) return false;
  return dash == std::string_view::npos || !matches_one(filter.substr(dash + 1), name);
}

std::string gtest_filter_for(std::string_view name) {
  std::string pattern(name);
  std::ranges::replace_if(
      pattern, [](char c) { return c == ':' || c == '-' || c == '*'; }, '?');
  return pattern;
}

}  // namespace subunit::adapter
