#include "common/adapter/xml/catch2.h"

#include <algorithm>
#include <map>

#include "common/adapter/lines.h"
#include "common/adapter/xml/xml_results.h"

namespace subunit::adapter {
namespace {

/// "NAME\t@FILE:LINE": anything else is output of the program.
std::optional<std::string> listed_name(std::string_view line) {
  const std::size_t end = line.rfind("\t@");
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view place = line.substr(end);
  const std::size_t colon = place.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == place.size() ||
      place.find_first_not_of("0123456789", colon + 1) != std::string_view::npos)
    return std::nullopt;
  line = line.substr(0, end);
  if (line.size() > 2 && line.starts_with("\"#") && line.ends_with('"'))
    line = line.substr(1, line.size() - 2);
  return std::string(trimmed(line));
}

/// As Catch2 writes a name in XML, and as it is read from there.
std::string in_xml(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (c == '\x7F')
      text += "\\x7F";
    else
      text += c;
  }
  return fit_for_xml(text);
}

/// As "--abort", or "--abortx=3"; or among short options, which may stand together, as "-sa".
bool has_option(std::span<const std::string> command, std::string_view name,
                std::string_view letters) {
  return std::ranges::any_of(command, [name, letters](std::string_view word) {
    if (word.starts_with("--")) return word.starts_with(name);
    return word.starts_with('-') && word.find_first_of(letters) != std::string_view::npos;
  });
}

}  // namespace

CatchAdapter::CatchAdapter(std::span<const std::string> command)
    : stops_at_failures_(has_option(command, "--abort", "ax")),
      leaves_out_throws_(has_option(command, "--nothrow", "e")) {}

Invocation CatchAdapter::list(const Outlets&) const {
  return {.arguments = {"--list-test-names-only", "--verbosity", "high"}};
}

Result<std::vector<ListedTest>> CatchAdapter::read_list(const Remains& remains) {
  std::vector<ListedTest> tests;
  Lines lines;
  lines.add(remains.output + '\n', [&tests](std::string_view line) {
    if (auto name = listed_name(line)) tests.push_back({std::move(*name)});
  });
  // The exit status is the number of tests, as far as it goes.
  constexpr std::size_t kMaxExit = 255;
  const auto count = static_cast<std::size_t>(remains.exit.value_or(0));
  if (tests.empty() || count != std::min(tests.size(), kMaxExit))
    return error(
        "the program did not list its tests ({} can be read, and its exit status says {}): is it a "
        "program with Catch2, version 2, which gets its arguments?",
        tests.size(), remains.exit.value_or(-1));
  return tests;
}

/// Catch2 takes such an option once, so it cannot be taken back.
std::size_t CatchAdapter::together(std::span<const std::string> ids) const {
  return stops_at_failures_ ? 1 : Adapter::together(ids);
}

Invocation CatchAdapter::run(std::span<const std::string> ids, const Outlets& outlets) const {
  std::string filter;
  for (const std::string& id : ids) {
    if (!filter.empty()) filter += ',';
    if (filter.empty() && name_of(id).starts_with('-')) filter += '\\';  // it is no option
    filter += with_escapes(name_of(id), "\\,[]\"*~");
  }
  return {.arguments = {std::move(filter), "--reporter", "xml", "--out", outlets.events,
                        "--use-colour", "no"}};
}

std::unique_ptr<ResultReader> CatchAdapter::reader(std::span<const std::string> ids) const {
  std::map<std::string, std::string, std::less<>> by_name;
  for (const std::string& id : ids) by_name.emplace(in_xml(name_of(id)), id);
  auto reader = std::make_unique<XmlResults>(
      ids, [by_name](const XmlElement& element) -> std::optional<std::string> {
        const auto found = by_name.find(element["name"]);
        return found == by_name.end() ? std::nullopt : std::optional(found->second);
      });
  if (leaves_out_throws_)
    for (const std::string& id : ids)
      if (Adapter::knows(id)) reader->may_leave_out(id, "has the tag [!throws], with --nothrow");
  return reader;
}

}  // namespace subunit::adapter
