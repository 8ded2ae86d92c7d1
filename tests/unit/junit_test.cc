#include "common/report/ci/junit.h"

#include <doctest/doctest.h>

#include "common/report/ci/xml_text.h"
#include "tests/unit/report_run.h"

using namespace subunit;
using namespace subunit::report;
using namespace std::chrono_literals;
using run::Incident;

namespace {

/// A made-up run and its file.
class Run : public ReportRun {
 public:
  explicit Run(std::shared_ptr<const SourcePlaces> places = nullptr)
      : report_({.name = "results",
                 .start = {.seconds = 1'700'000'000, .nanoseconds = 0},
                 .places = std::move(places)},
                *this, now) {
    tell(report_);
  }

  /// The run is over, if it was not yet.
  const std::string& xml(bool completed = true) {
    if (!xml_.empty()) return xml_;
    finish(completed);
    for (std::string_view piece; !(piece = report_.pending_output()).empty();
         report_.consume_output())
      xml_ += piece;
    return xml_;
  }
  bool has(std::string_view part) { return xml().find(part) != std::string::npos; }
  /// The element of a test, without its attributes.
  std::string test(std::string_view name) {
    const std::size_t at = xml().find(fmt::format(" name=\"{}\" ", name));
    REQUIRE(at != std::string::npos);
    const std::size_t end = xml_.find('>', at) + 1;
    if (xml_[end - 2] == '/') return "";
    return xml_.substr(end, xml_.find("</testcase>", end) - end);
  }

 private:
  JunitReport report_;
  std::string xml_;
};

constexpr std::string_view kTraceback =
    "Traceback (most recent call last):\n"
    "  File \"/src/tests/test_a.py\", line 7, in test_b\n"
    "    self.assertEqual(1, 2)\n"
    "AssertionError: 1 != 2 : why\nmore\n";
constexpr std::string_view kError =
    "Traceback (most recent call last):\n"
    "  File \"/src/tests/test_a.py\", line 9, in test_c\n"
    "    os.stat('/')\n"
    "FileNotFoundError: no <such> file\n";

std::string xml_of(std::string_view text) {
  std::string xml;
  append_xml(xml, text);
  return xml;
}

}  // namespace

TEST_CASE("a suite tells its server, its tests, when it began and how long it took") {
  Run run;
  run.now += 1500ms;
  run.run("a.B.test_1");
  run.run("a.B.test_2", Status::kSkip);
  run.run("a.B.test_3", Status::kFail, "traceback", kTraceback);
  run.run("a.B.test_4", Status::kFail, "traceback", kError);
  CHECK(run.xml().starts_with(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuites name=\"results\" time=\"2.500\" tests=\"4\" failures=\"1\" errors=\"1\">\n"
      "<testsuite name=\"results\" id=\"0\" tests=\"4\" failures=\"1\" errors=\"1\" skipped=\"1\""
      " time=\"1.000\" timestamp=\"2023-11-14T22:13:21.500\" hostname=\"worker-0\">\n"
      "<properties>\n<property name=\"channel\" value=\"ssh board subunit-proxy serve\"/>\n"
      "</properties>\n"
      "<testcase classname=\"a.B\" name=\"test_1\" time=\"0.250\"/>\n"));
  CHECK(run.xml().ends_with("</testsuite>\n</testsuites>\n"));
}

TEST_CASE("each server has a suite, and what belongs to none has one without a host") {
  Run run;
  run.begin("a.B.x", 3);
  run.end("a.B.x", Status::kSuccess, 3);
  run.run("a.B.y");
  run.end("a.B.z", Status::kFail, std::nullopt);
  CHECK(run.has("<testsuite name=\"results\" tests=\"1\" failures=\"1\""));
  CHECK(run.has("hostname=\"worker-0\""));
  CHECK(run.has("hostname=\"worker-3\""));
}

TEST_CASE("a test that ended without its server is in the suite of the server that ran it") {
  Run run;
  run.begin("a.B.x", 3);
  run.end("a.B.x", Status::kFail, std::nullopt);
  CHECK(
      run.has("tests=\"1\" failures=\"1\" errors=\"0\" skipped=\"0\" time=\"0.000\" "
              "timestamp=\"2023-11-14T22:13:20.000\" hostname=\"worker-3\""));
}

TEST_CASE("a failed assertion is a failure, with the exception's first line as message") {
  Run run;
  run.run("a.B.x", Status::kFail, "traceback", kTraceback);
  CHECK(run.test("x") ==
        "\n<failure message=\"AssertionError: 1 != 2 : why\" "
        "type=\"AssertionError\">" +
            xml_of(kTraceback) + "</failure>\n");
}

TEST_CASE("an exception that is no assertion is an error") {
  Run run;
  run.run("a.B.x", Status::kFail, "traceback", kError);
  CHECK(
      run.test("x").starts_with("\n<error message=\"FileNotFoundError: no &lt;such&gt; file\" "
                                "type=\"FileNotFoundError\">"));
}

TEST_CASE("what pytest says is a failure by its type, and what fails in a fixture an error") {
  Run run;
  run.run("t.py::a", Status::kFail, "traceback",
          "    def test():\n>       assert f(1) == 2\nE       assert 1 == 2\n"
          "E        +  where 1 = f(1)\n\nt.py:8: AssertionError");
  run.run("t.py::b", Status::kFail, "setup",
          ">   def bad(): assert 0\nE   assert 0\n\nt.py:3: AssertionError");
  run.run(
      "t.py::c", Status::kFail, "traceback",
      ">       1 / 0\nE       ZeroDivisionError: division by zero\n\nt.py:9: ZeroDivisionError");
  CHECK(run.test("a").starts_with("\n<failure message=\"assert 1 == 2\" type=\"AssertionError\">"));
  CHECK(run.test("b").starts_with("\n<error message=\"assert 0\" type=\"AssertionError\">"));
  CHECK(run.test("c").starts_with(
      "\n<error message=\"ZeroDivisionError: division by zero\" type=\"ZeroDivisionError\">"));
}

TEST_CASE("a failure of a C++ test has its first lines as message") {
  Run run;
  run.run("S.a", Status::kFail, "failure",
          "../t.cc:30: Expected equality of these values:\n  1\n  2\nfirst\n../t.cc:32: Failed\n");
  run.run("a case", Status::kFail, "failure", "in left / right:\n../t.cc:4: CHECK( x ) failed\n");
  CHECK(run.test("a").starts_with(
      "\n<failure message=\"../t.cc:30: Expected equality of these values: 1 2\" "
      "type=\"failure\">"));
  CHECK(run.test("a case").starts_with("\n<failure message=\"../t.cc:4: CHECK( x ) failed\""));
  CHECK(run.has("classname=\"results\" name=\"a case\""));
}

TEST_CASE("a test that its server did not end is an error, with the reason") {
  Run run;
  const std::string_view crashed[] = {"worker-0", "crashed"};
  run.begin("a.B.x");
  run.packet({.test_id = "a.B.x",
              .mime_type = "text/plain;charset=utf8",
              .file = File{"subunit-proxy", as_bytes("the test server was killed\n\nstdout:\n")},
              .status = Status::kFail},
             0, crashed);
  run.packet({.test_id = "a.B.y",
              .mime_type = "text/plain;charset=utf8",
              .file = File{"subunit-proxy", as_bytes("not run: no server\n")},
              .status = Status::kFail},
             std::nullopt);
  const std::string_view timed_out[] = {"timed-out"};
  run.end("a.B.z", Status::kFail, 0, timed_out);
  CHECK(run.test("x").starts_with(
      "\n<error message=\"the test server was killed\" type=\"crashed\">"));
  CHECK(run.test("y").starts_with("\n<error message=\"not run: no server\" type=\"not-run\">"));
  CHECK(run.test("z").starts_with("\n<error message=\"timed-out\" type=\"timed-out\">"));
  CHECK(run.has("errors=\"3\""));
}

TEST_CASE("fixtures of unittest, and the tests that did not run for them, are errors") {
  Run run;
  run.run("setUpClass (a.B)", Status::kFail, "traceback", kTraceback);
  run.run("SetUpTestSuite (C)", Status::kFail, "failure", "t.cc:1: no database");
  run.begin("a.B.x");
  run.attach("a.B.x", "reason", "setUpClass (a.B) failed, so this test did not run.");
  run.attach("a.B.x", "traceback", kTraceback);
  run.end("a.B.x", Status::kFail);
  CHECK(run.test("SetUpTestSuite").starts_with("\n<error message=\"t.cc:1: no database\""));
  CHECK(run.test("setUpClass").starts_with("\n<error message=\"AssertionError: 1 != 2 : why\""));
  CHECK(run.test("x").starts_with("\n<error message=\"AssertionError: 1 != 2 : why\""));
}

TEST_CASE("skips have their reasons, expected failures are skips, unexpected successes failures") {
  Run run;
  run.run("a.B.s", Status::kSkip, "reason", "no\nneed");
  run.run("a.B.x", Status::kExpectedFailure, "traceback", kTraceback);
  run.run("a.B.u", Status::kUnexpectedSuccess);
  CHECK(run.test("s") == "\n<skipped>no need</skipped>\n");
  CHECK(run.test("x") == "\n<skipped>expected failure: AssertionError: 1 != 2 : why\n" +
                             xml_of(kTraceback) + "</skipped>\n");
  CHECK(run.test("u") ==
        "\n<failure message=\"it passed, but was expected to fail\" "
        "type=\"UnexpectedSuccess\"></failure>\n");
  CHECK(run.has("tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"2\""));
}

TEST_CASE("what a test prints is its system-out and system-err, in whatever encoding") {
  Run run;
  run.begin("a.B.x");
  run.attach("a.B.x", "stdout", "one ");
  run.attach("a.B.x", "stderr", "two");
  run.attach("a.B.x", "stdout.raw", "\xff");
  run.attach("a.B.x", "stdouts", "another file");
  run.end("a.B.x");
  CHECK(run.test("x") ==
        "\n<system-out>one \\xff\nanother file</system-out>\n"
        "<system-err>two</system-err>\n");
}

TEST_CASE("several files have their names, and one that is not text has its size") {
  Run run;
  run.begin("a.B.x");
  run.attach("a.B.x", "traceback", "words\n");
  run.packet(
      {.test_id = "a.B.x", .mime_type = "image/png", .file = File{"shot", as_bytes("1234")}});
  run.end("a.B.x", Status::kFail);
  CHECK(run.test("x").ends_with(">traceback:\nwords\nshot:\n4 bytes of image/png</failure>\n"));
}

TEST_CASE("what is printed outside of tests, and said about servers, is the suite's") {
  Run run;
  run.run("a.B.x");
  run.attach("", "stdout", "at import");
  run.packet({.mime_type = "text/plain", .file = File{"channel", as_bytes("banner")}},
             std::nullopt);
  run.happened({.kind = Incident::Kind::kGone, .worker = 0, .text = "killed by SIGSEGV"});
  run.happened({.kind = Incident::Kind::kNote, .worker = 0, .text = "a note"});
  CHECK(
      run.has("<testcase classname=\"a.B\" name=\"x\" time=\"0.250\"/>\n"
              "<system-out>at import</system-out>\n"
              "<system-err>subunit-proxy: killed by SIGSEGV\n</system-err>\n</testsuite>"));
  CHECK(run.has("<system-out>banner</system-out>\n</testsuite>"));
  CHECK_FALSE(run.has("a note"));
}

TEST_CASE("attempts before one that passes are flaky elements, with their own texts") {
  Run run;
  run.begin("a.B.x");
  run.attach("a.B.x", "stdout", "first");
  run.attach("a.B.x", "traceback", kTraceback);
  run.attempted("a.B.x", 1);
  run.begin("a.B.x");
  run.attach("a.B.x", "attempt-2/stderr", "second");
  run.attach("a.B.x", "attempt-2/traceback", kError);
  run.attempted("a.B.x", 2);
  run.begin("a.B.x");
  run.attach("a.B.x", "attempt-3/stdout", "third");
  run.attach("a.B.x", "attempts", "attempt 3: passed");
  run.now += 2s;
  const std::string_view flaky[] = {"flaky"};
  run.end("a.B.x", Status::kSuccess, 0, flaky);
  CHECK(run.test("x") ==
        "\n<flakyFailure message=\"AssertionError: 1 != 2 : why\" type=\"AssertionError\">\n"
        "<stackTrace>" +
            xml_of(kTraceback) +
            "</stackTrace>\n<system-out>first</system-out>\n</flakyFailure>\n"
            "<flakyError message=\"FileNotFoundError: no &lt;such&gt; file\" "
            "type=\"FileNotFoundError\">\n<stackTrace>" +
            xml_of(kError) +
            "</stackTrace>\n<system-err>second</system-err>\n</flakyError>\n"
            "<system-out>third\nattempt 3: passed</system-out>\n");
  CHECK(run.has("tests=\"1\" failures=\"0\" errors=\"0\" skipped=\"0\""));
  CHECK(run.has("name=\"x\" time=\"2.000\""));
}

TEST_CASE("attempts after one that fails are rerun elements; failures come before errors") {
  Run run;
  run.begin("a.B.x");
  run.attach("a.B.x", "traceback", kError);
  run.attempted("a.B.x", 1);
  run.begin("a.B.x");
  run.attach("a.B.x", "attempt-2/traceback", kTraceback);
  run.end("a.B.x", Status::kFail);
  const std::string element = run.test("x");
  CHECK(element.starts_with("\n<rerunFailure message=\"AssertionError: 1 != 2 : why\""));
  CHECK(element.find("<error message=\"FileNotFoundError") > element.find("</rerunFailure>"));
  CHECK(run.has("tests=\"1\" failures=\"0\" errors=\"1\""));
}

TEST_CASE("a file of that name is no attempt where nothing was run again") {
  Run run;
  run.run("a.B.x", Status::kSuccess, "attempt-2/log", "words");
  CHECK(run.test("x") == "\n<system-out>words</system-out>\n");
}

TEST_CASE("durations are those of the test machine, but for tests that others end") {
  Run run;
  run.packet({.test_id = "a.B.x", .timestamp = Timestamp{1000, 0}, .status = Status::kInProgress});
  run.packet({.test_id = "a.B.y", .timestamp = Timestamp{1000, 0}, .status = Status::kInProgress});
  run.now += 5s;
  run.packet(
      {.test_id = "a.B.x", .timestamp = Timestamp{1000, 125'000'000}, .status = Status::kSuccess});
  run.packet({.test_id = "a.B.y",
              .mime_type = "text/plain;charset=utf8",
              .timestamp = Timestamp{9000, 0},
              .file = File{"subunit-proxy", as_bytes("timed out")},
              .status = Status::kFail});
  run.packet({.test_id = "a.B.z", .timestamp = Timestamp{1000, 0}, .status = Status::kInProgress});
  run.packet({.test_id = "a.B.z",
              .mime_type = "text/plain",
              .timestamp = Timestamp{9000, 0},
              .file = File{"attempt-2/subunit-proxy", as_bytes("timed out")},
              .status = Status::kFail});
  CHECK(run.has("name=\"x\" time=\"0.125\""));
  CHECK(run.has("name=\"z\" time=\"0.000\""));
  CHECK(run.has("name=\"y\" time=\"5.000\""));
}

TEST_CASE("a run that was not completed has an error, even if no test says so") {
  Run run;
  run.happened({.kind = Incident::Kind::kError, .text = "no server came"});
  CHECK(run.xml(false).find("<testcase classname=\"subunit-proxy\" name=\"run\" time=\"0.000\">\n"
                            "<error message=\"the run was not completed: no server came\" "
                            "type=\"not-completed\">") != std::string::npos);
  CHECK(run.has("errors=\"1\""));
  Run lost;
  lost.why = "the channel ended";
  CHECK(lost.xml(false).find("the run was not completed: the channel ended") != std::string::npos);
  Run other;
  other.packet({.test_id = "a.B.x",
                .mime_type = "text/plain;charset=utf8",
                .file = File{"subunit-proxy", as_bytes("not run: no server")},
                .status = Status::kFail},
               std::nullopt);
  CHECK(other.xml(false).find("name=\"run\"") == std::string::npos);
}

TEST_CASE("a run without tests is a file, too") {
  CHECK(Run().has("<testsuite name=\"results\" tests=\"0\" failures=\"0\" errors=\"0\""));
}

TEST_CASE("file and line stand there only where they are asked for") {
  const auto places = std::make_shared<const SourcePlaces>(
      "/here", [](const std::string& file) { return file == "tests/test_a.py"; });
  Run with(places);
  with.run("a.B.x", Status::kFail, "traceback", kTraceback);
  CHECK(with.has("name=\"x\" file=\"tests/test_a.py\" line=\"7\" time="));
  Run without;
  without.run("a.B.x", Status::kFail, "traceback", kTraceback);
  CHECK_FALSE(without.has("file="));
}

TEST_CASE("the text of a test that has passed is cut, and all text together is bounded") {
  Run run;
  const std::string page(100'000, 'x');
  for (int i = 0; i < 600; ++i) {
    run.run(fmt::format("a.B.passed_{}", i), Status::kSuccess, "stdout", page);
    run.run(fmt::format("a.B.failed_{}", i), Status::kFail, "traceback", page);
  }
  CHECK(run.test("passed_0").size() < 20'000);
  CHECK(run.test("passed_0").find("bytes left out ...]") != std::string::npos);
  CHECK(run.test("failed_0").find("bytes left out ...]") != std::string::npos);
  CHECK(run.test("passed_599") ==
        "\n<system-out>[... left out: the report has too much text ...]"
        "</system-out>\n");
  CHECK(run.test("failed_599").find("[... left out") != std::string::npos);
  CHECK(run.test("failed_599").find("message=\"xxx") != std::string::npos);
  CHECK(run.xml().size() < 30'000'000);
}
