#include "common/adapter/catch2.h"

#include "common/adapter/lines.h"
#include "common/adapter/xml_results.h"

namespace subunit::adapter {

Invocation CatchAdapter::list(const Outlets&) const {
  return {.arguments = {"--list-test-names-only"}};
}

Result<std::vector<ListedTest>> CatchAdapter::read_list(const Remains& remains) {
  std::vector<ListedTest> tests;
  Lines lines;
  lines.add(remains.output, [&tests](std::string_view line) {
    if (line.size() > 2 && line.starts_with("\"#") && line.ends_with('"'))
      line = line.substr(1, line.size() - 2);
    tests.push_back({std::string(trimmed(line))});
  });
  // Not more than a byte of the number of tests is known.
  constexpr std::size_t kExitStatuses = 256;
  const auto count = static_cast<std::size_t>(remains.exit.value_or(-1));
  if (!remains.exit || tests.empty() || tests.size() < count)
    return error(
        "the program did not list its tests ({} lines, exit status {}): is it a program with "
        "Catch2, which gets its arguments?",
        tests.size(), remains.exit.value_or(-1));
  const std::size_t noise = (tests.size() - count) % kExitStatuses;
  tests.erase(tests.begin(), tests.begin() + static_cast<std::ptrdiff_t>(noise));
  if (tests.empty()) return error("the program lists no test, among {} lines of output", noise);
  return tests;
}

Invocation CatchAdapter::run(std::span<const std::string> ids, const Outlets& outlets) const {
  std::string filter;
  for (const std::string& id : ids) {
    if (!filter.empty()) filter += ',';
    filter += with_escapes(id, "\\,[]\"*~");
  }
  return {.arguments = {std::move(filter), "--reporter", "xml", "--out", outlets.events,
                        "--use-colour", "no"}};
}

std::unique_ptr<ResultReader> CatchAdapter::reader(std::span<const std::string> ids) const {
  return std::make_unique<XmlResults>(
      ids, [](const XmlElement& element) { return std::optional(std::string(element["name"])); });
}

}  // namespace subunit::adapter
