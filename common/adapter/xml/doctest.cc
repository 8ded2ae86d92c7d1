#include "common/adapter/xml/doctest.h"

#include <fmt/core.h>

#include <charconv>
#include <map>
#include <tuple>

#include "common/adapter/xml/doctest_ids.h"
#include "common/adapter/xml/xml_results.h"

namespace subunit::adapter {
namespace {

/// The elements "TestCase" of a document.
class CaseList : public XmlEvents {
 public:
  void begin_element(const XmlElement& element) override {
    if (element.name == "TestCase") cases.push_back(element);
  }
  void end_element(const XmlElement&) override {}

  std::vector<XmlElement> cases;
};

unsigned line_of(const XmlElement& element) {
  const std::string_view text = element["line"];
  unsigned line = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), line);
  return line;
}

}  // namespace

Invocation DoctestAdapter::list(const Outlets& outlets) const {
  return {.arguments = {"--list-test-cases", "--no-skip=true", "--quiet=false", "--reporters=xml",
                        "--out=" + outlets.events}};
}

Result<std::vector<ListedTest>> DoctestAdapter::read_list(const Remains& remains) {
  if (remains.events.empty())
    return error(
        "the program wrote no list of its tests to the file that --out= names: is it a program "
        "with doctest, which gets its arguments?");
  CaseList list;
  if (const auto read = XmlReader(list).receive(remains.events); !read)
    return error("doctest's list of tests: {}", read.error().text);
  cases_.clear();
  times_.clear();
  for (const XmlElement& each : list.cases) {
    cases_.push_back({std::string(each["name"]), std::string(each["filename"]), line_of(each),
                      std::string(each["testsuite"]), each["skipped"] == "true"});
    ++times_[cases_.back().name];
  }
  std::vector<DoctestName> names;
  for (const Case& each : cases_) names.push_back({each.file, each.line, each.name});
  std::vector<ListedTest> tests;
  for (std::string& id : doctest_ids(names)) {
    const std::string& suite = cases_[tests.size()].suite;
    tests.push_back({.id = std::move(id),
                     .tags = suite.empty() ? std::vector<std::string>() : std::vector{suite}});
  }
  return tests;
}

DoctestAdapter::Way DoctestAdapter::way_of(std::string_view id) const {
  const Case& test = cases_[number(id)];
  if (test.skipped && !runs_skipped_) return Way::kNotAtAll;
  // In XML, a byte that is not text is "\xNN".
  const bool literal = !has_filter_ && times_.at(test.name) == 1 && !test.name.empty() &&
                       test.name.find_first_of("*?") == std::string::npos &&
                       test.name.find("\\x") == std::string::npos;
  return literal ? Way::kByName : Way::kByNumber;
}

std::size_t DoctestAdapter::together(std::span<const std::string> ids) const {
  const Way way = way_of(ids.front());
  const std::size_t most = Adapter::together(ids);
  std::size_t count = 1;
  while (count < most && way_of(ids[count]) == way &&
         (way != Way::kByNumber || number(ids[count]) == number(ids[count - 1]) + 1))
    ++count;
  return count;
}

Invocation DoctestAdapter::run(std::span<const std::string> ids, const Outlets& outlets) const {
  Invocation invocation{.arguments = {"--no-skip=true", "--no-skipped-summary=true",
                                      "--quiet=false", "--abort-after=0", "--reporters=xml",
                                      "--case-sensitive=true", "--no-colors=true",
                                      "--duration=true", "--out=" + outlets.events}};
  const Way way = way_of(ids.front());
  if (way == Way::kNotAtAll) {
    invocation.arguments.emplace_back("--no-run=true");
  } else if (way == Way::kByName) {
    std::string filter = "--test-case=";
    for (const std::string& id : ids) filter += with_escapes(cases_[number(id)].name, ",\\") + ',';
    invocation.arguments.push_back(std::move(filter));
  } else {
    invocation.arguments.push_back(fmt::format("--first={}", number(ids.front()) + 1));
    invocation.arguments.push_back(fmt::format("--last={}", number(ids.back()) + 1));
  }
  return invocation;
}

std::unique_ptr<ResultReader> DoctestAdapter::reader(std::span<const std::string> ids) const {
  // Several test cases may have one place. They come in doctest's order, which is that of `ids`.
  std::multimap<std::tuple<std::string_view, std::string_view, unsigned>, std::string_view>
      by_place;
  for (const std::string& id : ids) {
    const Case& each = cases_[number(id)];
    by_place.emplace(
        std::tuple(std::string_view(each.name), std::string_view(each.file), each.line),
        tests()[number(id)].id);
  }
  auto reader = std::make_unique<XmlResults>(
      ids, [by_place](const XmlElement& element) mutable -> std::optional<std::string> {
        const auto found =
            by_place.lower_bound({element["name"], element["filename"], line_of(element)});
        if (found == by_place.end()) return std::nullopt;
        return std::string(by_place.extract(found).mapped());
      });
  for (const std::string& id : ids)
    if (way_of(id) == Way::kNotAtAll) reader->skip(id, "decorated with skip()");
  return reader;
}

}  // namespace subunit::adapter
