#include "proxy/native/gtest_suite.h"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <subunit-proxy/gtest.h>

#include <cstdlib>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "common/adapter/gtest/gtest_filter.h"
#include "proxy/native/gtest_events.h"
#include "proxy/native/program.h"

namespace proxy::native {

using subunit::Status;

namespace {

bool is_disabled(const testing::TestInfo& test) {
  constexpr std::string_view kSuites = "DISABLED_*:*/DISABLED_*";
  constexpr std::string_view kTests = "DISABLED_*";
  return subunit::adapter::matches_gtest_filter(kSuites, test.test_suite_name()) ||
         subunit::adapter::matches_gtest_filter(kTests, test.name());
}

void say_ignored(const char* flag) {
  say(fmt::format("{} is ignored in a test server: that is left to its client", flag));
}

void reset_flags() {
  if (GTEST_FLAG_GET(repeat) != 1) say_ignored("--gtest_repeat");
  GTEST_FLAG_SET(repeat, 1);
  if (GTEST_FLAG_GET(shuffle)) say_ignored("--gtest_shuffle");
  GTEST_FLAG_SET(shuffle, false);
  if (GTEST_FLAG_GET(fail_fast)) say_ignored("--gtest_fail_fast");
  GTEST_FLAG_SET(fail_fast, false);
  if (!GTEST_FLAG_GET(output).empty()) say_ignored("--gtest_output");
  if (GTEST_FLAG_GET(list_tests)) say_ignored("--gtest_list_tests");
  GTEST_FLAG_SET(list_tests, false);
  if (std::getenv("GTEST_TOTAL_SHARDS")) say_ignored("GTEST_TOTAL_SHARDS");
  ::unsetenv("GTEST_TOTAL_SHARDS");
  ::unsetenv("GTEST_SHARD_INDEX");
  // What the printer prints would be output of the tests.
  testing::TestEventListeners& listeners = testing::UnitTest::GetInstance()->listeners();
  delete listeners.Release(listeners.default_result_printer());
  delete listeners.Release(listeners.default_xml_generator());
}

}  // namespace

GtestSuite::GtestSuite() {
  reset_flags();
  const testing::UnitTest& program = *testing::UnitTest::GetInstance();
  const bool runs_disabled = GTEST_FLAG_GET(also_run_disabled_tests);
  const std::string filter = GTEST_FLAG_GET(filter);
  std::unordered_map<std::string, std::size_t> places;
  for (int in_program = 0; in_program < program.total_test_suite_count(); ++in_program) {
    const testing::TestSuite& suite = *program.GetTestSuite(in_program);
    for (int in_suite = 0; in_suite < suite.total_test_count(); ++in_suite) {
      const testing::TestInfo& test = *suite.GetTestInfo(in_suite);
      std::string name = fmt::format("{}.{}", test.test_suite_name(), test.name());
      if (!subunit::adapter::matches_gtest_filter(filter, name)) continue;
      const bool disabled = is_disabled(test) && !runs_disabled;
      const std::string id = gtest_id(test);
      const auto [found, is_new] = places.emplace(id, tests_.size());
      if (is_new) {
        tests_.push_back({.id = id, .tags = {}, .by_default = !disabled});
        named_.push_back({.name = std::move(name), .count = 0, .disabled = disabled});
      }
      ++named_[found->second].count;
    }
  }
}

void GtestSuite::run(const Places& which, Reporter& reporter) {
  std::unordered_map<std::string, int> count;
  std::string filter;
  for (const std::size_t place : which) {
    const std::string& id = tests_[place].id;
    if (named_[place].disabled) {
      if (reporter.stopped()) continue;
      reporter.started(id);
      reporter.attach(id, "reason", "disabled");
      reporter.ended(id, Status::kSkip);
      continue;
    }
    count[id] = named_[place].count;
    filter += (filter.empty() ? "" : ":") + subunit::adapter::gtest_filter_for(named_[place].name);
  }
  if (count.empty()) return;
  GTEST_FLAG_SET(filter, filter);
  testing::TestEventListeners& listeners = testing::UnitTest::GetInstance()->listeners();
  // A test that ends the process by exit() leaves it to GoogleTest, which deletes it.
  auto* const events = new GtestEvents(reporter, std::move(count));
  listeners.Append(events);
  const int status = RUN_ALL_TESTS();
  (void)status;  // the events tell all of it
  const std::unique_ptr<testing::TestEventListener> released(listeners.Release(events));
  events->end_left();
}

}  // namespace proxy::native

namespace subunit_proxy {

int run_gtest(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const auto options = proxy::native::Options::parse(argc, argv);
  // A death test of the style "threadsafe" starts the program with its own arguments.
  if (!options.serve || !GTEST_FLAG_GET(internal_run_death_test).empty()) return RUN_ALL_TESTS();
  proxy::native::GtestSuite suite;
  return proxy::native::serve(suite, options);
}

}  // namespace subunit_proxy
