#include "common/report/ci/github.h"

#include <doctest/doctest.h>

#include "tests/unit/report_run.h"

using namespace subunit;
using namespace subunit::report;
using namespace std::chrono_literals;
using run::Incident;

namespace {

constexpr std::string_view kTraceback =
    "Traceback (most recent call last):\n"
    "  File \"/src/tests/test_a.py\", line 7, in test_b\n"
    "    self.assertEqual(1, 2)\n"
    "AssertionError: 1 != 2, 50% <b>\n";

/// A made-up run in a step of GitHub Actions.
class Run : public ReportRun {
 public:
  explicit Run(std::string folder = "")
      : report(std::move(folder),
               std::make_shared<const SourcePlaces>(
                   "/here", [](const std::string& file) { return file == "tests/test_a.py"; }),
               *this, now) {
    tell(report);
  }

  void fail(std::string_view id) { run(id, Status::kFail, "traceback", kTraceback); }
  void fail(std::string_view id, int number) {
    run(id, Status::kFail, "traceback",
        fmt::format("  File \"/src/tests/test_a.py\", line 7, in f\nAssertionError: {}", number));
  }
  std::string annotations(bool completed = true) {
    finish(completed);
    return report.annotations();
  }
  std::string summary(std::size_t most = GithubReport::kMaxSummary) {
    finish();
    return report.summary(most);
  }

  GithubReport report;
};

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t times = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string_view::npos; ++at) ++times;
  return times;
}

}  // namespace

TEST_CASE("a failure is an error at its file and line, relative to the repository") {
  Run top;
  top.fail("a.B.x");
  CHECK(top.annotations() ==
        "::error file=tests/test_a.py,line=7,title=a.B.x::AssertionError: 1 != 2, 50%25 <b>\n");
  Run below("sub/folder");
  below.fail("a.B.x");
  CHECK(has(below.annotations(), "file=sub/folder/tests/test_a.py,line=7,"));
}

TEST_CASE("nothing in an id or a message ends its property or its line") {
  Run run;
  run.run("a,b::c=d\n%0A", Status::kFail, "failure", "\x1b[1m::error::x\r");
  CHECK(run.annotations() == "::error title=a%2Cb%3A%3Ac=d%0A%250A::\\x1b[1m::error::x\n");
}

TEST_CASE("a failure without a file here has its place in the message, or none") {
  Run run;
  run.run("S.a", Status::kFail, "failure", "/other/t.cc:30: words\n");
  run.run("S.b", Status::kUnexpectedSuccess);
  CHECK(run.annotations() ==
        "::error title=S.a::/other/t.cc:30: words (/other/t.cc:30)\n"
        "::error title=S.b::it passed, but was expected to fail\n");
}

TEST_CASE("there are ten annotations, of known places first, and a line with the rest") {
  Run run;
  for (int i = 0; i < 30; ++i)
    run.run(fmt::format("other_{}", i), Status::kFail, "failure", fmt::format("failure {}", i));
  for (int i = 0; i < 8; ++i) run.fail(fmt::format("a.B.x{}", i), i);
  const std::string lines = run.annotations();
  CHECK(count(lines, "::error ") == 10);
  CHECK(count(lines, "::error file=tests") == 8);
  CHECK(lines.ends_with(
      "subunit-proxy: 28 failures more: GitHub shows no more than 10 errors of a step\n"));
  Run few;
  for (int i = 0; i < 10; ++i) few.fail(fmt::format("a.B.x{}", i), i);
  CHECK_FALSE(has(few.annotations(), "more"));
}

TEST_CASE("failures with one place and one message are one annotation") {
  Run run;
  for (int i = 0; i < 40; ++i) run.fail(fmt::format("a.B.x{}", i));
  for (int i = 0; i < 20; ++i) run.end(fmt::format("a.B.y{}", i), Status::kFail, std::nullopt);
  CHECK(run.annotations() ==
        "::error file=tests/test_a.py,line=7,title=a.B.x0 and 39 more::AssertionError: 1 != 2, "
        "50%25 <b>\n::error title=a.B.y0 and 19 more::it failed\n");
}

TEST_CASE("a run that was not completed is the first error") {
  Run run;
  for (int i = 0; i < 10; ++i) run.fail(fmt::format("a.B.x{}", i), i);
  run.why = "the channel ended:\nbanner";
  run.end("subunit-proxy.run", Status::kFail, std::nullopt);
  const std::string lines = run.annotations(false);
  CHECK(
      lines.starts_with("::error title=the run was not completed::the channel ended:%0Abanner\n"));
  CHECK(count(lines, "::error ") == 10);
  CHECK(has(lines, "1 failure more"));
  CHECK(has(run.report.summary(GithubReport::kMaxSummary), "## 10 of 10 tests failed"));
  CHECK(has(run.report.summary(GithubReport::kMaxSummary),
            "<p>The run was not completed: <code>the channel ended:&#10;banner</code></p>"));
}

TEST_CASE("a good run has no annotation, and a summary with its counts and its slowest tests") {
  Run run;
  for (int i = 0; i < 20; ++i) {
    run.begin(fmt::format("a.B.x{}", i));
    run.now += std::chrono::milliseconds(10 * i);
    run.end(fmt::format("a.B.x{}", i), i == 0 ? Status::kSkip : Status::kSuccess);
  }
  CHECK(run.annotations().empty());
  const std::string text = run.report.summary(GithubReport::kMaxSummary);
  CHECK(text.starts_with(
      "## 19 tests passed\n\n| tests | passed | failed | skipped | not run | flaky | time |\n"
      "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
      "| 20 | 19 | 0 | 1 | 0 | 0 | 1.90 s |\n"));
  CHECK(has(text,
            "### Slowest tests\n\n<table>\n<tr><th>test</th><th>time</th></tr>\n"
            "<tr><td><code>a.B.x19</code></td><td align=\"right\">0.19 s</td></tr>\n"
            "<tr><td><code>a.B.x18</code></td>"));
  CHECK(count(text, "<tr><td>") == 10);
  CHECK_FALSE(has(text, "### Failures"));
}

TEST_CASE("a failure is a row of a table, with its details folded") {
  Run run;
  run.fail("a.B.x");
  run.run("a.B.y");
  const std::string text = run.summary();
  CHECK(text.starts_with("## 1 of 2 tests failed\n"));
  CHECK(has(text,
            "\n### Failures\n\n<table>\n<tr><th>test</th><th>place</th><th>failure</th></tr>\n"
            "<tr><td><code>a.B.x</code></td><td><code>tests/test_a.py:7</code></td><td><details>"
            "<summary><code>AssertionError: 1 != 2, 50% &lt;b&gt;</code></summary><pre>Traceback "
            "(most recent call last):&#10;  File &quot;/src/"));
}

TEST_CASE("what a test prints cannot leave its element of the summary") {
  Run run;
  run.run("a</code>\n\n# b", Status::kFail, "failure",
          "x</pre></details></table>\n\n# heading\n```\n<script>\n::error::y\n\x1b[1m");
  const std::string text = run.summary();
  CHECK(count(text, "</table>") == 2);
  CHECK(count(text, "</details>") == 1);
  CHECK_FALSE(has(text, "\n# "));
  CHECK_FALSE(has(text, "\n```"));
  CHECK_FALSE(has(text, "<script"));
  CHECK_FALSE(has(text, "\n::"));
  CHECK_FALSE(has(text, "\x1b"));
}

TEST_CASE("a flaky test is named, with its attempts and what failed first") {
  Run run;
  run.begin("a.B.x");
  run.attach("a.B.x", "traceback", kTraceback);
  run.attempted("a.B.x", 1);
  run.begin("a.B.x");
  run.end("a.B.x");
  const std::string text = run.summary();
  CHECK(has(text, "| 1 | 1 | 0 | 0 | 0 | 1 |"));
  CHECK(has(text, "### Flaky tests"));
  CHECK(has(text, "<tr><td><code>a.B.x</code></td><td>2</td><td><code>AssertionError: 1 != 2"));
}

TEST_CASE("a summary is cut between failures, keeps its end, and says how many are missing") {
  Run run;
  const std::string page(20'000, 'x');
  for (int i = 0; i < 300; ++i)
    run.run(fmt::format("a.B.x{}", i), Status::kFail, "traceback", page);
  const std::string whole = run.summary();
  CHECK(whole.size() <= GithubReport::kMaxSummary);
  CHECK(whole.size() > GithubReport::kMaxSummary - 20'000);
  const std::string text = run.report.summary(40'000);
  CHECK(text.size() <= 40'000);
  CHECK(count(text, "<details>") == count(text, "</details>"));
  CHECK(count(text, "<table>") == count(text, "</table>"));
  const std::size_t shown = count(text, "<details>");
  CHECK(shown > 1);
  CHECK(has(text, fmt::format("{} more failures have no room here.", 300 - shown)));
  CHECK(has(text, "### Slowest tests"));
  CHECK(run.report.summary(300).size() <= 300);
  CHECK(run.report.summary(0).empty());
}

TEST_CASE("no line of a log is a workflow command") {
  CHECK(without_commands("a\n::error::x\n \t::set-output name=a::b\nb ::error::\n::\n") ==
        "a\n\\x3a:error::x\n \t\\x3a:set-output name=a::b\nb ::error::\n\\x3a:\n");
  CHECK(without_commands("\xe3\x80\x80::error::x") == "\xe3\x80\x80\\x3a:error::x");
  CHECK(without_commands("a ##[error]b ##[c") == "a \\x23#[error]b \\x23#[c");
  CHECK(without_commands(":: ") == "\\x3a: ");
  CHECK(without_commands("a:\n:b\n\n") == "a:\n:b\n\n");
  CHECK(without_commands("").empty());
}
