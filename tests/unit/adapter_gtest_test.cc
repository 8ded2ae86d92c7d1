#include <doctest/doctest.h>

#include "common/adapter/gtest/gtest.h"
#include "tests/unit/adapter_events.h"

using namespace subunit;
using namespace subunit::adapter;

namespace {

Strings read(const Strings& ids, std::string_view events, const Remains& remains) {
  const GtestAdapter adapter({});
  return read([&] { return adapter.reader(ids); }, events, remains);
}

/// With what was printed before each of the events came.
Strings read(const Strings& ids,
             const std::vector<std::pair<std::string_view, std::string_view>>& printed_and_events,
             const Remains& remains = {.exit = 1}) {
  const auto reader = GtestAdapter({}).reader(ids);
  for (const auto& [printed, events] : printed_and_events) {
    reader->observe_stdout(printed);
    reader->receive(events);
  }
  reader->end(remains);
  return lines_of(*reader);
}

Remains with_file(std::string_view cases) {
  return {.file = fmt::format(R"({{"testsuites":[{{"name":"S","testsuite":[{}]}}]}})", cases),
          .exit = 1};
}

constexpr std::string_view kSkippedInFile = R"({"name":"T","status":"RUN","result":"SKIPPED"})";
constexpr std::string_view kFailedInFile =
    R"({"name":"T","status":"RUN","result":"COMPLETED","failures":[{"failure":"f.cc:1\nno"}]})";

constexpr std::string_view kNotPassed =
    "event=TestCaseStart&name=S\n"
    "event=TestStart&name=T\n"
    "event=TestPartResult&file=a%3Db.cc&line=7&message=%25 and%0Athe next\n"
    "event=TestEnd&passed=0&elapsed_time=0ms\n"
    "event=TestCaseEnd&passed=1&elapsed_time=0ms\n";

}  // namespace

TEST_CASE("the event stream of GoogleTest tells which tests start and pass") {
  CHECK(read({"S.A", "S/0.B"},
             "gtest_streaming_protocol_version=1.0\n"
             "event=TestProgramStart\n"
             "event=TestIterationStart&iteration=0\n"
             "event=TestCaseStart&name=S\n"
             "event=TestStart&name=A\n"
             "event=TestEnd&passed=1&elapsed_time=0ms\n"
             "event=TestCaseEnd&passed=1&elapsed_time=0ms\n"
             "event=TestCaseStart&name=S/0\n"
             "event=TestStart&name=B\n"
             "event=TestEnd&passed=1&elapsed_time=0ms\n"
             "event=TestCaseEnd&passed=1&elapsed_time=0ms\n"
             "event=TestIterationEnd&passed=1&elapsed_time=0ms\n"
             "event=TestProgramEnd&passed=1\n",
             {.exit = 0, .clean = true}) ==
        Strings{"start S.A", "success S.A", "start S/0.B", "success S/0.B"});
}

TEST_CASE("whether a test has failed or was skipped says the line that is printed at its end") {
  CHECK(read({"S.T"}, {{"[ RUN      ] S.T\n", ""},
                       {"[  FAILED  ] S.T, where GetParam() = 3 (0 ms)\n", kNotPassed}}) ==
        Strings{"start S.T", "fail S.T failure=a=b.cc:7: % and\nthe next\n"});
  CHECK(read({"S.T"}, {{"[ RUN      ] S.T\n[  SKIPPED ] S.T (0 ms)\n", kNotPassed}},
             with_file(kSkippedInFile)) == Strings{"start S.T", "skip S.T reason=% and\nthe next"});
}

TEST_CASE("a test that prints such a line itself deceives nobody") {
  const std::string_view printed =
      "[ RUN      ] S.T\n[  SKIPPED ] S.T (0 ms)\nmore\n[  FAILED  ] S.T (0 ms)\n";
  CHECK(read({"S.T"}, {{printed, kNotPassed}}) ==
        Strings{"start S.T", "output [  SKIPPED ] S.T (0 ms)\nmore\n",
                "fail S.T failure=a=b.cc:7: % and\nthe next\n"});
  // In place of a printer that prints nothing: the file has the last word.
  const Strings lines = read({"S.T"}, {{"[ RUN      ] S.T\n[  SKIPPED ] S.T (0 ms)\n", kNotPassed}},
                             with_file(kFailedInFile));
  REQUIRE(lines.size() == 3);
  CHECK(lines[2].starts_with("fail S.T failure=this test has failed, and has printed that"));
}

TEST_CASE("without such a line the output file decides, and without a file the test has failed") {
  CHECK(read({"S.T"}, kNotPassed, with_file(kSkippedInFile)).back() ==
        "skip S.T reason=% and\nthe next");
  CHECK(read({"S.T"}, kNotPassed, with_file(kFailedInFile)).back().starts_with("fail S.T "));
  CHECK(read({"S.T"}, kNotPassed, {.exit = std::nullopt}).back().starts_with("fail S.T "));
}

TEST_CASE("what is printed belongs to the test between its lines, however late it is read") {
  const std::string_view all =
      "Running main()\n[==========] Running 2 tests\n[----------] 2 tests from S\n"
      "[ RUN      ] S.A\nfrom a\nno line feed[       OK ] S.A (0 ms)\n[       OK ] S.A (0 ms)\n"
      "[ RUN      ] S.B\nfrom b\n[       OK ] S.B (0 ms)\n[==========] 2 tests ran\nbye\n";
  const std::string_view events =
      "event=TestCaseStart&name=S\n"
      "event=TestStart&name=A\n"
      "event=TestEnd&passed=1\n"
      "event=TestStart&name=B\n"
      "event=TestEnd&passed=1\n"
      "event=TestCaseEnd&passed=1\n";
  Strings lines;
  for (const std::string& line :
       read({"S.A", "S.B"}, {{all, events}}, {.exit = 0, .clean = true})) {
    // Of one test, in one piece or more.
    if (line.starts_with("output ") && !lines.empty() && lines.back().starts_with("output "))
      lines.back() += line.substr(7);
    else
      lines.push_back(line);
  }
  CHECK(lines == Strings{"output Running main()\n", "start S.A",
                         "output from a\nno line feed[       OK ] S.A (0 ms)\n", "success S.A",
                         "start S.B", "output from b\n", "success S.B", "output bye\n"});
}

TEST_CASE("output without a line feed at its end is its test's, and nothing of the next ones") {
  const std::string_view all =
      "[ RUN      ] S.A\nthe end[       OK ] S.A (0 ms)\n"
      "[ RUN      ] S.B\nfrom b\n[       OK ] S.B (0 ms)\n[  FAILED  ] S.B\n";
  const std::string_view events =
      "event=TestCaseStart&name=S\nevent=TestStart&name=A\nevent=TestEnd&passed=1\n"
      "event=TestStart&name=B\nevent=TestEnd&passed=1\nevent=TestCaseEnd&passed=1\n";
  CHECK(read({"S.A", "S.B"}, {{all, events}}, {.exit = 0, .clean = true}) ==
        Strings{"start S.A", "output the end", "success S.A", "start S.B", "output from b\n",
                "success S.B"});
}

TEST_CASE("names of GoogleTest are bytes, in its list and in its events") {
  GtestAdapter adapter({});
  REQUIRE(adapter.learn(with_file(R"({"name":"gr\u00C3\u00B6\u00C3\u009Fe"},{"name":"a%41&b"})")));
  CHECK(adapter.tests()[0].id == "S.größe");
  CHECK(adapter.tests()[1].id == "S.a%41&b");
  CHECK(read(
            [&] {
              return adapter.reader(Strings{"S.größe", "S.a%41&b"});
            },
            "event=TestCaseStart&name=S\nevent=TestStart&name=größe\nevent=TestEnd&passed=1\n"
            "event=TestStart&name=a%41&b\nevent=TestEnd&passed=1\n") ==
        Strings{"start S.größe", "success S.größe", "start S.a%41&b", "success S.a%41&b"});
}

TEST_CASE("a test that is in progress at the end of the program does not end") {
  CHECK(read({"S.T", "S.U"},
             {{"[ RUN      ] S.T\nlast words",
               "event=TestCaseStart&name=S\nevent=TestStart&name=T\n"}},
             {.exit = std::nullopt}) == Strings{"start S.T", "output last words"});
}

TEST_CASE("tests that GoogleTest leaves out fail with what could not be set up for them") {
  CHECK(read({"S.T"},
             "event=TestCaseStart&name=S\n"
             "event=TestPartResult&file=s.cc&line=1&message=no database\n"
             "event=TestStart&name=T\n"
             "event=TestPartResult&file=s.cc&line=5&message=\n"
             "event=TestEnd&passed=0\n"
             "event=TestCaseEnd&passed=0\n"
             "event=TestProgramEnd&passed=0\n",
             {.exit = 1}) == Strings{"start S.T", "fail S.T failure=s.cc:1: no database\n"});
}

TEST_CASE("a failure outside of tests that no test shows has a name of its own") {
  CHECK(read({"S.T"},
             "event=TestCaseStart&name=S\n"
             "event=TestStart&name=T\n"
             "event=TestEnd&passed=1\n"
             "event=TestPartResult&file=s.cc&line=9&message=still open\n"
             "event=TestCaseEnd&passed=0\n"
             "event=TestProgramEnd&passed=0\n",
             {.exit = 1}) == Strings{"start S.T", "success S.T",
                                     "fail TearDownTestSuite (S) failure=s.cc:9: still open\n"});
  CHECK(read({"S.T"},
             "event=TestPartResult&file=e.cc&line=2&message=odd clock\n"
             "event=TestCaseStart&name=S\n"
             "event=TestStart&name=T\n"
             "event=TestEnd&passed=1\n"
             "event=TestCaseEnd&passed=1\n"
             "event=TestProgramEnd&passed=0\n",
             {.exit = 1})
            .back() == "fail Environment::SetUp failure=e.cc:2: odd clock\n");
}

TEST_CASE("an environment that skips skips all tests; disabled ones are skipped") {
  CHECK(read({"S.T"},
             "event=TestPartResult&file=e.cc&line=2&message=no hardware\n"
             "event=TestProgramEnd&passed=1\n",
             {.exit = 0, .clean = true}) == Strings{"start S.T", "skip S.T reason=no hardware"});
  CHECK(read({"S.T"}, "event=TestProgramEnd&passed=1\n",
             with_file(R"({"name":"T","status":"NOTRUN","result":"SUPPRESSED"})")) ==
        Strings{"start S.T", "skip S.T reason=disabled"});
}

TEST_CASE("a program that cannot connect tells by its output file alone, bytes included") {
  CHECK(read({"S.T"}, "", with_file(kFailedInFile)) ==
        Strings{"start S.T", "fail S.T failure=f.cc:1\nno\n"});
  CHECK(read({"S.T"}, "", with_file("{\"name\":\"T\",\"failures\":[{\"failure\":\"\xff!\"}]}")) ==
        Strings{"start S.T", "fail S.T failure=?!\n"});
}

TEST_CASE("GoogleTest's list has the order of the program, and hides what is disabled") {
  const Strings command{"program"};
  GtestAdapter adapter(command);
  Remains remains = with_file(R"({"name":"B"},{"name":"A"},{"name":"DISABLED_C"})");
  REQUIRE(adapter.learn(remains));
  Strings seen;
  for (const ListedTest& test : adapter.tests())
    seen.push_back((test.hidden ? "hidden " : "") + test.id);
  CHECK(seen == Strings{"S.B", "S.A", "hidden S.DISABLED_C"});
  CHECK(adapter.knows("S.DISABLED_C"));
  CHECK_FALSE(adapter.knows("S.*"));
  CHECK(GtestAdapter::asks_for_disabled("-gtest_also_run_disabled_tests=true"));
  CHECK_FALSE(GtestAdapter::asks_for_disabled("--gtest_also_run_disabled_tests=0"));
  const Strings with_flag{"program", "--gtest_also_run_disabled_tests"};
  GtestAdapter all(with_flag);
  REQUIRE(all.learn(remains));
  CHECK_FALSE(all.tests().back().hidden);
  CHECK_FALSE(all.learn({.exit = 0, .clean = true}));
  CHECK_FALSE(all.learn({.file = "{", .exit = 0, .clean = true}));
}
