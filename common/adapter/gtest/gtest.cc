#include "common/adapter/gtest/gtest.h"

#include "common/adapter/gtest/gtest_file.h"
#include "common/adapter/gtest/gtest_filter.h"
#include "common/adapter/gtest/gtest_reader.h"

namespace subunit::adapter {
namespace {

bool is_disabled(std::string_view id) {
  const auto starts = [](std::string_view name) { return name.starts_with("DISABLED_"); };
  const std::string_view name = id.substr(id.find('.') + 1);
  // A suite's name may have an instance before it: "Instance/DISABLED_Suite".
  const std::string_view suite = id.substr(0, id.find('.'));
  const std::size_t slash = suite.find('/');
  return starts(name) || starts(suite) ||
         (slash != std::string_view::npos && starts(suite.substr(slash + 1)));
}

/// They would add, leave out or repeat tests, or write elsewhere.
Invocation invocation(std::vector<std::string> arguments) {
  Invocation result{.arguments = std::move(arguments)};
  for (const char* name : {"GTEST_STREAM_RESULT_TO", "GTEST_PRINT_TIME", "GTEST_TOTAL_SHARDS",
                           "GTEST_SHARD_INDEX", "GTEST_SHARD_STATUS_FILE", "GTEST_OUTPUT",
                           "GTEST_REPEAT", "GTEST_FAIL_FAST", "GTEST_BRIEF"})
    result.settings.emplace_back(name, std::nullopt);
  return result;
}

}  // namespace

bool GtestAdapter::asks_for_disabled(std::string_view word) {
  constexpr std::string_view kFlag = "gtest_also_run_disabled_tests";
  while (word.starts_with('-')) word.remove_prefix(1);
  if (!word.starts_with(kFlag)) return false;
  word.remove_prefix(kFlag.size());
  constexpr std::string_view kNo = "0fF";
  return word.empty() || (word.size() > 1 && word[0] == '=' && kNo.find(word[1]) == kNo.npos);
}

Invocation GtestAdapter::list(const Outlets& outlets) const {
  return invocation({"--gtest_list_tests", "--gtest_output=json:" + outlets.file});
}

Result<std::vector<ListedTest>> GtestAdapter::read_list(const Remains& remains) {
  if (!remains.file)
    return error(
        "the program wrote no list of its tests to the file that --gtest_output=json: names: is it "
        "a program with GoogleTest, which gets its arguments?");
  auto cases = parse_gtest_file(*remains.file);
  if (!cases) return error("GoogleTest's list of tests: {}", cases.error().text);
  std::vector<ListedTest> tests;
  for (GtestCase& each : *cases) {
    const bool hidden = !runs_disabled_ && is_disabled(each.id);
    tests.push_back({.id = std::move(each.id), .hidden = hidden});
  }
  return tests;
}

Invocation GtestAdapter::run(std::span<const std::string> ids, const Outlets& outlets) const {
  std::string filter = "--gtest_filter=";
  for (const std::string& id : ids) filter.append(gtest_filter_for(name_of(id))).append(":");
  return invocation({std::move(filter), "--gtest_stream_result_to=" + outlets.events,
                     "--gtest_output=json:" + outlets.file, "--gtest_repeat=1", "--gtest_brief=0",
                     "--gtest_color=no", "--gtest_print_time=1", "--gtest_fail_fast=0"});
}

std::unique_ptr<ResultReader> GtestAdapter::reader(std::span<const std::string> ids) const {
  return std::make_unique<GtestReader>(ids);
}

}  // namespace subunit::adapter
