#include <doctest/doctest.h>

#include <algorithm>

#include "common/adapter/xml/catch2.h"
#include "common/adapter/xml/doctest.h"
#include "tests/unit/adapter_events.h"

using namespace subunit;
using namespace subunit::adapter;

namespace {

Remains doctest_list(std::string_view cases) {
  return {.events = fmt::format(R"(<?xml version="1.0"?><doctest>{}</doctest>)", cases),
          .exit = 0,
          .clean = true};
}

constexpr std::string_view kList =
    R"(<TestCase name="adds" testsuite="" filename="d.cc" line="1" skipped="false"/>
       <TestCase name="a, b" testsuite="s" filename="d.cc" line="2" skipped="false"/>
       <TestCase name="wild *" testsuite="" filename="d.cc" line="3" skipped="false"/>
       <TestCase name="same" testsuite="" filename="x/d.cc" line="4" skipped="false"/>
       <TestCase name="same" testsuite="" filename="x/e.cc" line="5" skipped="false"/>
       <TestCase name="later" testsuite="" filename="d.cc" line="6" skipped="true"/>)";

Strings words_of(const Adapter& adapter, const Strings& ids) {
  Strings words;
  for (const std::string& word : adapter.run(ids, {.events = "E", .file = "F"}).arguments) {
    if (word.starts_with("--test-case") || word.starts_with("--first") ||
        word.starts_with("--last") || word.starts_with("--no-run"))
      words.push_back(word);
  }
  return words;
}

}  // namespace

TEST_CASE("doctest's tests are named by name, and by file where a name is not the only one") {
  DoctestAdapter adapter({});
  REQUIRE(adapter.learn(doctest_list(kList)));
  Strings ids;
  for (const ListedTest& test : adapter.tests()) ids.push_back(test.id);
  CHECK(ids == Strings{"adds", "a, b", "wild *", "d.cc: same", "e.cc: same", "later"});
  CHECK(adapter.tests()[1].tags == Strings{"s"});
  CHECK_FALSE(adapter.learn({.exit = 0, .clean = true}));
  CHECK_FALSE(adapter.learn({.events = "no XML", .exit = 0, .clean = true}));
}

TEST_CASE("doctest is asked for names that a filter can say, and for the others by number") {
  DoctestAdapter adapter({});
  REQUIRE(adapter.learn(doctest_list(kList)));
  CHECK(adapter.together(Strings{"adds", "a, b", "wild *"}) == 2);
  CHECK(words_of(adapter, {"adds", "a, b"}) == Strings{R"(--test-case=adds,a\, b,)"});
  CHECK(adapter.together(Strings{"wild *", "d.cc: same", "adds"}) == 2);
  CHECK(words_of(adapter, {"wild *", "d.cc: same"}) == Strings{"--first=3", "--last=4"});
  CHECK(adapter.together(Strings{"e.cc: same", "d.cc: same"}) == 1);
  CHECK(adapter.together(Strings{"later", "adds"}) == 1);
  CHECK(words_of(adapter, {"later"}) == Strings{"--no-run=true"});
  CHECK(read([&] { return adapter.reader(Strings{"later"}); }, "") ==
        Strings{"start later", "skip later reason=decorated with skip()"});
  const Strings command{"program", "--no-skip"};
  DoctestAdapter all(command);
  REQUIRE(all.learn(doctest_list(kList)));
  CHECK(words_of(all, {"later"}) == Strings{"--test-case=later,"});
}

TEST_CASE("doctest reports, whatever the program's own arguments say about its output") {
  const Strings command{"program", "--quiet", "--abort-after=1"};
  DoctestAdapter adapter(command);
  REQUIRE(adapter.learn(doctest_list(kList)));
  const auto words = adapter.run(Strings{"adds"}, {.events = "E", .file = "F"}).arguments;
  CHECK(std::ranges::count(words, "--quiet=false") == 1);
  CHECK(std::ranges::count(words, "--abort-after=0") == 1);
  CHECK(std::ranges::count(adapter.list({.events = "E", .file = "F"}).arguments, "--quiet=false") ==
        1);
}

TEST_CASE("a filter in doctest's own arguments would add to another one: numbers do not") {
  const Strings command{"program", "-tc=a*"};
  DoctestAdapter adapter(command);
  REQUIRE(adapter.learn(doctest_list(kList)));
  CHECK(words_of(adapter, {"adds"}) == Strings{"--first=1", "--last=1"});
}

TEST_CASE("what doctest reports becomes results, as its own success says") {
  DoctestAdapter adapter({});
  REQUIRE(adapter.learn(doctest_list(kList)));
  constexpr std::string_view kReport = R"(<?xml version="1.0" encoding="UTF-8"?>
<doctest binary="d" version="2.4.9">
  <Options order_by="file"/>
  <TestSuite>
    <TestCase name="adds" filename="d.cc" line="1">
      <SubCase name="outer" filename="d.cc" line="1">
        <SubCase name="inner" filename="d.cc" line="1">
          <Expression success="false" type="CHECK" filename="d.cc" line="8">
            <Original>
              1 &lt; 0
            </Original>
            <Expanded>
              1 &lt;  0
            </Expanded>
            <Info>
              context
            </Info>
          </Expression>
        </SubCase>
      </SubCase>
      <OverallResultsAsserts successes="0" failures="1" test_case_success="false"/>
    </TestCase>
  </TestSuite>
  <TestSuite name="s">
    <TestCase name="a, b" filename="d.cc" line="2" may_fail="true">
      <Message type="ERROR" filename="d.cc" line="9">
        <Text>
          told
        </Text>
      </Message>
      <OverallResultsAsserts successes="0" failures="1" test_case_success="true"/>
    </TestCase>
    <TestCase name="same" filename="x/e.cc" line="5" should_fail="true">
      <OverallResultsAsserts successes="0" failures="0" test_case_success="false"/>
    </TestCase>
    <TestCase name="same" filename="x/d.cc" line="4">
      <Exception crash="true">
        SIGSEGV
      </Exception>
)";
  CHECK(read(
            [&] {
              return adapter.reader(Strings{"adds", "a, b", "d.cc: same", "e.cc: same"});
            },
            kReport, {.exit = std::nullopt}) ==
        Strings{"start adds",
                "fail adds failure=in outer / inner:\nd.cc:8: CHECK( 1 < 0 ) failed\n"
                "  with the values: 1 <  0\n  logged: context\n",
                "start a, b", "xfail a, b failure=d.cc:9: told\n", "start e.cc: same",
                "uxsuccess e.cc: same", "start d.cc: same"});
}

TEST_CASE("doctest reports test cases of one name and place in the order of its list") {
  DoctestAdapter adapter({});
  REQUIRE(adapter.learn(doctest_list(
      R"(<TestCase name="fits" filename="d.cc" line="1"/><TestCase name="fits" filename="d.cc" line="1"/>)")));
  const Strings ids{"d.cc:1: fits", "d.cc:1: fits #2"};
  REQUIRE(adapter.tests().size() == 2);
  CHECK(words_of(adapter, {ids[1]}) == Strings{"--first=2", "--last=2"});
  constexpr std::string_view kReport =
      R"(<doctest><TestCase name="fits" filename="d.cc" line="1">
           <OverallResultsAsserts test_case_success="true"/></TestCase>
         <TestCase name="fits" filename="d.cc" line="1">
           <OverallResultsAsserts test_case_success="false"/></TestCase></doctest>)";
  CHECK(read([&] { return adapter.reader(ids); }, kReport) ==
        Strings{"start d.cc:1: fits", "success d.cc:1: fits", "start d.cc:1: fits #2",
                "fail d.cc:1: fits #2"});
}

TEST_CASE("a test of doctest that takes too long has failed, which may be allowed") {
  DoctestAdapter adapter({});
  REQUIRE(adapter.learn(doctest_list(kList)));
  CHECK(read(
            [&] {
              return adapter.reader(Strings{"adds", "a, b"});
            },
            R"(<doctest><TestCase name="adds" filename="d.cc" line="1" timeout="0.5">
                <OverallResultsAsserts test_case_success="false" duration="0.50001"/></TestCase>
                <TestCase name="a, b" filename="d.cc" line="2" timeout="0.5" may_fail="true">
                <OverallResultsAsserts test_case_success="true" duration="2.5"/></TestCase>
                </doctest>)") ==
        Strings{"start adds", "fail adds failure=it took longer than its timeout of 0.5 s\n",
                "start a, b", "xfail a, b failure=it took longer than its timeout of 0.5 s\n"});
}

TEST_CASE("only the tests that were asked for are reported") {
  DoctestAdapter adapter({});
  REQUIRE(adapter.learn(doctest_list(kList)));
  CHECK(read([&] { return adapter.reader(Strings{"a, b"}); },
             R"(<doctest><TestCase name="adds" filename="d.cc" line="1"/></doctest>)")
            .empty());
}

TEST_CASE("what Catch2 reports becomes results, with what it has redirected") {
  CatchAdapter adapter({});
  constexpr std::string_view kReport = R"(<?xml version="1.0" encoding="UTF-8"?>
<Catch name="c">
  <Group name="c">
    <TestCase name="adds" tags="[a][b]" filename="c.cc" line="5">
      <Section name="one" filename="c.cc" line="6">
        <Info>
          context
        </Info>
        <Expression success="false" type="REQUIRE" filename="c.cc" line="7">
          <Original>
            f()
          </Original>
          <Expanded>
            f()
          </Expanded>
          <Exception filename="c.cc" line="7">
            oops
          </Exception>
        </Expression>
        <OverallResults successes="0" failures="1" expectedFailures="0"/>
      </Section>
      <OverallResult success="false">
        <StdOut>
printed
        </StdOut>
      </OverallResult>
    </TestCase>
    <TestCase name="expected" tags="[!shouldfail]" filename="c.cc" line="9">
      <Failure filename="c.cc" line="10">
        told
      </Failure>
      <OverallResult success="true"/>
    </TestCase>
    <OverallResults successes="0" failures="1" expectedFailures="1"/>
  </Group>
</Catch>
)";
  CHECK(read(
            [&] {
              return adapter.reader(Strings{"adds", "expected"});
            },
            kReport) ==
        Strings{"start adds",
                "fail adds stdout=printed\n failure=in one:\nc.cc:7: REQUIRE( f() ) failed\n"
                "  with the values: f()\n  thrown: oops\n  logged: context\n",
                "start expected", "xfail expected failure=c.cc:10: Failure: told\n"});
}

TEST_CASE("lines of Catch2's list have a place; all else that is printed is noise") {
  CatchAdapter adapter({});
  REQUIRE(adapter.learn({.output = "noise\nadds\t@c.cc:5\n\"#hash\"\t@c.cc:9\nbye\n", .exit = 2}));
  REQUIRE(adapter.tests().size() == 2);
  CHECK(adapter.tests()[0].id == "adds");
  CHECK(adapter.tests()[1].id == "#hash");
  std::string many;
  for (int i = 0; i < 300; ++i) many += fmt::format("test {}\t@c.cc:{}\n", i, i);
  REQUIRE(adapter.learn({.output = many, .exit = 255}));
  CHECK(adapter.tests().size() == 300);
  CHECK_FALSE(adapter.learn({.output = many, .exit = 300 - 256}));
  CHECK_FALSE(adapter.learn({.output = "a\t@c.cc:1\n", .exit = 3}));
  CHECK_FALSE(adapter.learn({.output = "", .exit = 0, .clean = true}));
  CHECK_FALSE(adapter.learn({.output = "it runs\nok\n", .exit = 0, .clean = true}));
}

TEST_CASE("a test of Catch2 is found again in its report, whatever bytes its name has") {
  CatchAdapter adapter({});
  REQUIRE(adapter.learn({.output = "latin \xff\t@c.cc:1\ntab\there\t@c.cc:2\n", .exit = 2}));
  const Strings ids{"latin \\xff", "tab\there"};
  CHECK(adapter.run(ids, {}).arguments.front() == "latin \xff,tab\there");
  CHECK(
      read([&] { return adapter.reader(ids); },
           R"(<Catch><TestCase name="latin \xFF"><OverallResult success="true"/></TestCase>)"
           "<TestCase name=\"tab\there\"><OverallResult success=\"true\"/></TestCase></Catch>") ==
      Strings{"start latin \\xff", "success latin \\xff", "start tab\there", "success tab\there"});
}

TEST_CASE("Catch2's list is needed for a name that was escaped, and for --nothrow") {
  const Strings command{"program", "-e"};
  CatchAdapter adapter({}), nothrow(command);
  CHECK(adapter.knows("hidden"));
  CHECK_FALSE(adapter.knows("latin \\xff"));
  CHECK_FALSE(nothrow.knows("hidden"));
  for (CatchAdapter* each : {&adapter, &nothrow}) {
    REQUIRE(each->learn({.output = "latin \xff\t@c.cc:1\n", .exit = 1}));
    CHECK(each->knows("latin \\xff"));
    CHECK(each->knows("hidden"));
  }
}

TEST_CASE("names are literal in a filter of Catch2") {
  CHECK(CatchAdapter({}).run(Strings{"a, b", "*[x]\"\\"}, {}).arguments.front() ==
        R"(a\, b,\*\[x\]\"\\)");
}

TEST_CASE("a program with Catch2 that stops at a failure runs one test at a time") {
  const Strings ids{"adds", "divides"};
  for (const std::string word : {"-a", "--abort", "-x", "--abortx=2", "-sa"}) {
    CAPTURE(word);
    CHECK(CatchAdapter(Strings{"program", word}).together(ids) == 1);
  }
  for (const std::string word : {"-s", "--rng-seed", "[a]", "x"}) {
    CAPTURE(word);
    CHECK(CatchAdapter(Strings{"program", word}).together(ids) == 2);
  }
}

TEST_CASE("what XML cannot hold, and a program writes all the same, is escaped") {
  CatchAdapter adapter({});
  REQUIRE(
      adapter.learn({.output = "a \xEF\xBF\xBE\t@a.cc:1\nb \xED\xA0\x80\t@a.cc:2\n", .exit = 2}));
  const Strings ids{adapter.tests()[0].id, adapter.tests()[1].id};
  CHECK(ids == Strings{"a \xEF\xBF\xBE", "b \\xed\\xa0\\x80"});
  constexpr std::string_view kReport =
      "<Catch><TestCase name=\"a \xEF\xBF\xBE\"><Failure>\xEF\xBF\xBD \xEF\xBF\xBF \xED\xBF\xBF "
      "\xED\x9F\xBF"
      "</Failure><OverallResult success=\"false\"/></TestCase>"
      "<TestCase name=\"b \xED\xA0\x80\"><OverallResult success=\"true\"/></TestCase></Catch>";
  CHECK(read([&] { return adapter.reader(ids); }, kReport) ==
        Strings{"start " + ids[0],
                "fail " + ids[0] +
                    " failure=Failure: \xEF\xBF\xBD \\xEF\\xBF\\xBF \\xED\\xBF\\xBF \xED\x9F\xBF\n",
                "start " + ids[1], "success " + ids[1]});
}

TEST_CASE("form feeds, vertical tabs and too long forms in a report do not end it") {
  CatchAdapter adapter({});
  REQUIRE(adapter.learn({.output = "a\x0B z\t@a.cc:1\nb\t@a.cc:2\n", .exit = 2}));
  const Strings ids{adapter.tests()[0].id, adapter.tests()[1].id};
  constexpr std::string_view kReport =
      "<Catch><TestCase name=\"a\x0B z\"><Failure>\x0C|\xF0\x80\xA0\x80|\xF0\x9F\x9A\x80"
      "</Failure><OverallResult success=\"false\"/></TestCase>"
      "<TestCase name=\"b\"><OverallResult success=\"true\"/></TestCase></Catch>";
  CHECK(
      read([&] { return adapter.reader(ids); }, kReport) ==
      Strings{"start " + ids[0],
              "fail " + ids[0] + " failure=Failure: \\x0C|\\xF0\\x80\\xA0\\x80|\xF0\x9F\x9A\x80\n",
              "start b", "success b"});
}

TEST_CASE("a name with tabs and line feeds is doctest's own, and so is its filter") {
  DoctestAdapter adapter({});
  REQUIRE(adapter.learn(doctest_list(
      "<TestCase name=\"a\tb\nc > \" testsuite=\"s\tt\" filename=\"d.cc\"\n line=\"1\"/>")));
  CHECK(adapter.tests()[0].id == "a\tb\nc > ");
  CHECK(adapter.tests()[0].tags == Strings{"s\tt"});
  CHECK(words_of(adapter, {"a\tb\nc > "}) == Strings{"--test-case=a\tb\nc > ,"});
}

TEST_CASE("a check that may fail is told, and its test has passed") {
  CatchAdapter adapter({});
  constexpr std::string_view kReport =
      R"(<Catch><TestCase name="a"><Expression success="false" type="CHECK_NOFAIL" filename="a.cc"
 line="3"><Original>1 == 2</Original></Expression><OverallResult success="true"/></TestCase></Catch>)";
  CHECK(read([&] { return adapter.reader(Strings{"a"}); }, kReport) ==
        Strings{"start a", "success a message=a.cc:3: CHECK_NOFAIL( 1 == 2 ) failed\n"});
}

TEST_CASE("what Catch2 leaves out for --nothrow is skipped, if the report is whole") {
  constexpr std::string_view kReport =
      R"(<Catch><TestCase name="adds"><OverallResult success="true"/></TestCase>)";
  const Strings ids{"adds", "throws", "not listed"};
  const auto report_of = [&](const std::string& word, std::string_view ending) {
    CatchAdapter adapter(Strings{"program", word});
    REQUIRE(adapter.learn({.output = "adds\t@a.cc:1\nthrows\t@a.cc:2\n", .exit = 2}));
    return read([&] { return adapter.reader(ids); }, std::string(kReport).append(ending));
  };
  const Strings started{"start adds", "success adds"};
  const Strings skipped{"start adds", "success adds", "start throws",
                        "skip throws reason=has the tag [!throws], with --nothrow"};
  for (const std::string word : {"-e", "-se", "--nothrow"})
    CHECK(report_of(word, "</Catch>") == skipped);
  CHECK(report_of("-e", "") == started);
  CHECK(report_of("-s", "</Catch>") == started);
}

TEST_CASE("a test that has crashed its program is known, though the report may be whole") {
  const auto has_crashed = [](const Adapter& adapter, std::string_view report) {
    const auto reader = adapter.reader(Strings{"a", "b"});
    reader->receive(report);
    return reader->has_crashed();
  };
  CatchAdapter catch2(Strings{"program", "--nothrow"});
  REQUIRE(catch2.learn({.output = "a\t@a.cc:1\nb\t@a.cc:2\n", .exit = 2}));
  constexpr std::string_view kCrash =
      R"(<Catch><TestCase name="a"><FatalErrorCondition filename="a.cc" line="3">SIGSEGV
</FatalErrorCondition><OverallResult success="false"/></TestCase></Catch>)";
  CHECK(has_crashed(catch2, kCrash));
  CHECK_FALSE(has_crashed(
      catch2, R"(<Catch><TestCase name="a"><Exception>no</Exception></TestCase></Catch>)"));
  // What it did not come to is not left out.
  CHECK(read(
            [&] {
              return catch2.reader(Strings{"a", "b"});
            },
            kCrash) == Strings{"start a", "fail a failure=a.cc:3: FatalErrorCondition: SIGSEGV\n"});
  DoctestAdapter doctest({});
  REQUIRE(
      doctest.learn(doctest_list("<TestCase name=\"a\" filename=\"d.cc\" line=\"1\"/>"
                                 "<TestCase name=\"b\" filename=\"d.cc\" line=\"2\"/>")));
  CHECK(has_crashed(doctest, R"(<doctest><TestSuite><TestCase name="a"><Exception crash="true">
SIGSEGV</Exception></TestCase></TestSuite></doctest>)"));
  CHECK_FALSE(
      has_crashed(doctest, R"(<doctest><TestSuite><TestCase name="a"><Exception crash="false">
no</Exception></TestCase></TestSuite></doctest>)"));
}
