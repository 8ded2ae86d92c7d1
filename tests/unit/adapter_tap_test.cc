#include <doctest/doctest.h>

#include "common/adapter/tap/tap.h"
#include "common/adapter/tap/tap_line.h"
#include "tests/unit/adapter_events.h"

using namespace subunit;
using namespace subunit::adapter;

namespace {

/// "ok|description|number|directive|reason", or "" for what is no result.
std::string result_of(std::string_view line) {
  const auto parsed = parse_tap_line(line);
  const auto* const result = parsed ? std::get_if<TapLine::Result>(&parsed->what) : nullptr;
  if (!result) return "";
  return fmt::format("{}|{}|{}|{}|{}", result->ok ? "ok" : "not ok", result->description,
                     result->number, result->directive, result->reason);
}

/// Of a script that is run as a whole to list these tests.
Strings run_whole(std::string_view tap, const Strings& ids,
                  const Remains& remains = {.exit = 0, .clean = true}) {
  TapAdapter adapter;
  REQUIRE(adapter.learn({.output = std::string(tap), .exit = 0, .clean = true}));
  return read([&] { return adapter.reader(ids); }, tap, remains);
}

Strings ids_of(std::string_view tap) {
  TapAdapter adapter;
  REQUIRE(adapter.learn({.output = std::string(tap), .exit = 0, .clean = true}));
  Strings ids;
  for (const ListedTest& test : adapter.tests()) ids.push_back(test.id);
  return ids;
}

}  // namespace

TEST_CASE("a result of TAP has a description, a number and a directive, or some of them") {
  CHECK(result_of("ok") == "ok||||");
  CHECK(result_of("not ok 3 - it works\r") == "not ok|it works|3||");
  CHECK(result_of("ok 12 without a dash") == "ok|without a dash|12||");
  CHECK(result_of("ok - 3 apples") == "ok|3 apples|||");
  CHECK(result_of("ok 1 - later # TODO not yet") == "ok|later|1|TODO|not yet");
  CHECK(result_of("ok 2 # skip") == "ok||2|SKIP|");
  CHECK(result_of("ok 2 # skipped: no net") == "ok||2|SKIP|no net");
  CHECK(result_of("ok 2 - a \\# b # SKIP c") == "ok|a # b|2|SKIP|c");
  CHECK(result_of("ok 2 - issue #7 # skippy") == "ok|issue #7 # skippy|2||");
  CHECK(result_of("not ok 4 name # TIMEOUT 45 seconds") == "not ok|name|4|TIMEOUT|45 seconds");
  CHECK(result_of("ok 5 - outer {") == "ok|outer|5||");
  for (const char* noise : {"okay", "not  ok", "OK 1", "notok 1", "", "1..", "1..x", "TAP version"})
    CHECK(result_of(noise).empty());
  CHECK_FALSE(parse_tap_line("1..3 tests"));
  CHECK(std::get<TapLine::Plan>(parse_tap_line("1..0 # SKIP no net")->what).skip == "no net");
  CHECK(parse_tap_line("    ok 1")->indent == 4);
}

TEST_CASE("comments and YAML of TAP follow the failed test that they belong to") {
  const Strings ids{"a", "b", "c", "4"};
  CHECK(run_whole(
            "TAP version 14\n1..4\nok 1 - a\nnoise of b\nnot ok 2 - b\n# at line 3\n  ---\n"
            "  got: 1\n    deep: 2\n  ...\nok 3 - c # SKIP no disk\nnot ok 4 # TODO some day\n",
            ids, {.exit = 1}) == Strings{"start a", "success a", "start b", "output noise of b\n",
                                         "fail b failure=at line 3\ngot: 1\n  deep: 2\n", "start c",
                                         "skip c reason=no disk", "start 4",
                                         "xfail 4 reason=some day"});
}

TEST_CASE("a test in a subtest has the names of those around it") {
  constexpr std::string_view kTap =
      "# Subtest: outer\n    # Subtest: middle\n        ok 1 - inner\n        1..1\n"
      "    ok 1 - middle\n    not ok 2 - other\n    1..3\nnot ok 1 - outer\n1..1\n";
  const Strings ids{"outer / middle / inner", "outer / middle", "outer / other", "outer"};
  CHECK(ids_of(kTap) == ids);
  const Strings lines = run_whole(kTap, ids, {.exit = 1});
  CHECK(lines.back() == "fail outer failure=the plan was 3 tests, and 2 have ended\n");
}

TEST_CASE("comments of KTAP come before the result that they belong to") {
  CHECK(run_whole("KTAP version 1\n1..1\n    KTAP version 1\n    # Subtest: suite\n    1..2\n"
                  "    # bad: EXPECTATION FAILED\n    not ok 1 bad\n    ok 2 good # XFAIL known\n"
                  "not ok 1 suite\n",
                  {"suite / bad", "suite / good", "suite"}, {.exit = 1}) ==
        Strings{"start suite / bad", "fail suite / bad failure=bad: EXPECTATION FAILED\n",
                "start suite / good", "xfail suite / good reason=known", "start suite",
                "fail suite"});
  const Strings lines =
      run_whole("KTAP version 1\n1..1\n# x: EXPECTATION FAILED\nnot ok 1 x\n", {"x"}, {.exit = 1});
  CHECK(lines == Strings{"start x", "fail x failure=x: EXPECTATION FAILED\n"});
}

TEST_CASE("tests of one description are told apart") {
  CHECK(ids_of("ok - a\nok - a\nok\n1..3\n") == Strings{"a", "a #2", "3"});
}

TEST_CASE("a plan that is missing or not kept is a failure, and so is a bail-out") {
  const auto last = [](std::string_view tap, const Remains& remains) {
    TapAdapter adapter;
    return read([&] { return adapter.reader(Strings{"a"}); }, tap, remains).back();
  };
  const Remains clean{.exit = 0, .clean = true};
  CHECK(last("ok - a\n", clean).starts_with("fail TAP plan failure=there is no plan"));
  CHECK(last("1..2\nok - a\n", clean) ==
        "fail TAP plan failure=the plan was 2 tests, and 1 have ended\n");
  CHECK(last("1..1\nok - a\nok - b\n", clean).starts_with("fail TAP plan "));
  CHECK(last("1..1\nBail out! no disk\n", {.exit = 9}) ==
        "fail TAP plan failure=Bail out! no disk\n");
  CHECK(last("1..1\nok - a\n", {.exit = 7, .ending = "exited with status 7"}) ==
        "fail exit status failure=no test has failed, but the script exited with status 7\n");
  CHECK(last("1..1\nok - a\n", clean) == "success a");
  CHECK(
      last("1..1\nok - a\n", {.ending = "was killed by SIGSEGV (11)"}).ends_with("SIGSEGV (11)\n"));
  // Killed in a test: that one is to blame.
  CHECK(last("1..2\n", {.ending = "was killed by SIGSEGV (11)"}) == "start a");
}

TEST_CASE("a plan of none skips all") {
  TapAdapter adapter;
  CHECK(read(
            [&] {
              return adapter.reader(Strings{"a", "b"});
            },
            "1..0 # SKIP no net\n")
            .back() == "skip b reason=no net");
}

TEST_CASE("a script that knows --list is told which tests to run, any other is run as a whole") {
  TapAdapter adapter;
  CHECK(adapter.list({}).arguments == Strings{"--list"});
  REQUIRE(adapter.learn({.output = "one\ntwo words\n", .exit = 0, .clean = true}));
  CHECK(adapter.knows("two words"));
  CHECK(adapter.run(Strings{"two words"}, {.events = "E", .file = "F"}).arguments ==
        Strings{"two words"});
  CHECK_FALSE(adapter.lists_by_running());

  TapAdapter whole;
  CHECK_FALSE(whole.learn({.output = "usage: script\n", .exit = 2}));
  REQUIRE(whole.lists_otherwise());
  CHECK(whole.list({}).arguments.empty());
  REQUIRE(whole.learn({.output = "ok - a\n1..1\n", .exit = 0, .clean = true}));
  CHECK(whole.run(Strings{"a"}, {}).arguments.empty());
  CHECK(whole.lists_by_running());
  CHECK_FALSE(whole.lists_otherwise());
}

TEST_CASE("of a script that is run as a whole, tests that were not asked for are not reported") {
  CHECK(run_whole("ok - a\nok - b\nok - c\n1..3\n", {"b"}) == Strings{"start b", "success b"});
}

TEST_CASE("a test that is not in the list is reported: nobody can ask for it") {
  TapAdapter adapter;
  REQUIRE(adapter.learn({.output = "a\nb\n", .exit = 0, .clean = true}));
  CHECK(read([&] { return adapter.reader(Strings{"a"}); },
             "ok - a\nok - b\nnot ok - surprise\n1..3\n",
             {.exit = 1}) == Strings{"start a", "success a", "fail surprise"});
}

TEST_CASE("a script that has run no test has listed none, unless it says so") {
  for (const char* tap : {"1..3\n", "1..3\nBail out! no database\n"})
    CHECK_FALSE(TapAdapter().learn({.output = tap, .exit = 0, .clean = true}));
  CHECK_FALSE(TapAdapter().learn({.output = "1..0 # SKIP x\n", .exit = 3}));
  CHECK(TapAdapter().learn({.output = "1..0 # SKIP x\n", .exit = 0, .clean = true}));
  CHECK_FALSE(TapAdapter().learn({.output = "ok\n1..1\n", .clean = true, .is_cut = true}));
}

TEST_CASE("names of TAP that are no text have an id that is") {
  CHECK(ids_of("ok - caf\xe9\n1..1\n") == Strings{"caf\\xe9"});
  CHECK(run_whole("ok - caf\xe9\n1..1\n", {"caf\\xe9"}) ==
        Strings{"start caf\\xe9", "success caf\\xe9"});
}
