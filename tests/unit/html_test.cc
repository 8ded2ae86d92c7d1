#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "common/report/html/html_report.h"
#include "common/report/html/json_text.h"
#include "common/report/html/page.h"
#include "tests/unit/report_run.h"

using namespace subunit;
using namespace subunit::report;
using namespace std::chrono_literals;
using nlohmann::json;
using run::Incident;
using Outcome = HtmlReport::Outcome;

namespace {

// A row, as html_report.h has it.
enum Field { kId, kOutcome, kWorker, kBegan, kTook, kWhy, kTags, kNew, kTexts, kAttempts };

/// A made-up run and its page.
class Run : public ReportRun {
 public:
  explicit Run(std::shared_ptr<const schedule::Durations> history = nullptr)
      : report_({.name = "results",
                 .start = {.seconds = 1'700'000'000, .nanoseconds = 500'000'000},
                 .again_before = "subunit-proxy run",
                 .again_after = " -- ssh board",
                 .history = std::move(history)},
                *this, now) {
    tell(report_);
  }

  void end_as(std::string_view id, Status status, Worker worker,
              const std::vector<std::string_view>& tags) {
    end(id, status, worker, tags);
  }
  /// The run is over, if it was not yet.
  const std::string& page(bool completed = true) {
    if (!page_.empty()) return page_;
    finish(completed);
    for (std::string_view piece; !(piece = report_.pending_output()).empty();
         report_.consume_output())
      page_ += piece;
    return page_;
  }
  /// What is in an element.
  json element(std::string_view id, bool completed = true) {
    const std::string begin = fmt::format("<script type=\"application/json\" id=\"{}\">", id);
    const std::size_t at = page(completed).find(begin);
    REQUIRE(at != std::string::npos);
    const std::size_t text = at + begin.size();
    return json::parse(page_.substr(text, page_.find("</script>", text) - text));
  }
  json data(bool completed = true) { return element("run", completed); }
  json test(std::string_view id) {
    const json rows = data()["tests"];
    for (const json& row : rows)
      if (row[kId] == id) return row;
    FAIL("no such test: ", id);
    return {};
  }
  Outcome outcome(std::string_view id) { return static_cast<Outcome>(test(id)[kOutcome]); }
  /// Of each of its attempts, its files.
  json texts(std::string_view id) {
    const json rows = data()["tests"];
    for (std::size_t row = 0; row < rows.size(); ++row) {
      if (rows[row][kId] != id) continue;
      const std::string name = fmt::format("texts-{}", rows[row][kTexts].get<int>());
      return element(name)[std::to_string(row)];
    }
    return {};
  }

 private:
  HtmlReport report_;
  std::string page_;
};

std::string as_json(std::string_view text) {
  std::string result;
  append_json(result, text);
  return result;
}

}  // namespace

TEST_CASE("page: each way to end is an outcome of its own") {
  Run run;
  run.run("passed");
  run.run("failed", Status::kFail, "traceback", "Traceback:\nKeyError: 'a'\n");
  run.end_as("crashed", Status::kFail, 0, {"crashed"});
  run.end_as("timed out", Status::kFail, 0, {"timed-out"});
  run.end_as("lost", Status::kFail, std::nullopt, {"not-run"});
  run.end_as("left", Status::kSkip, std::nullopt, {"not-run"});
  run.run("skipped", Status::kSkip, "reason", "not here");
  run.run("expected", Status::kExpectedFailure);
  run.run("unexpected", Status::kUnexpectedSuccess);
  run.begin("flaky");
  run.attempted("flaky", 1);
  run.run("flaky");
  CHECK(run.outcome("passed") == Outcome::kPassed);
  CHECK(run.outcome("failed") == Outcome::kFailed);
  CHECK(run.outcome("crashed") == Outcome::kCrashed);
  CHECK(run.outcome("timed out") == Outcome::kTimedOut);
  CHECK(run.outcome("lost") == Outcome::kNotRun);
  CHECK(run.outcome("left") == Outcome::kNotRun);
  CHECK(run.outcome("skipped") == Outcome::kSkipped);
  CHECK(run.outcome("expected") == Outcome::kExpectedFailure);
  CHECK(run.outcome("unexpected") == Outcome::kUnexpectedSuccess);
  CHECK(run.outcome("flaky") == Outcome::kFlaky);
  CHECK(run.test("skipped")[kWhy] == "not here");
  CHECK(run.test("passed")[kWhy] == 0);
}

TEST_CASE("page: a row has where, when and how long") {
  Run run;
  run.now += 1500ms;
  run.run("a");
  const json row = run.test("a");
  CHECK(row[kWorker] == 0);
  CHECK(row[kBegan] == 1500);
  CHECK(row[kTook] == 250);
  CHECK(row[kTexts].is_null());
  CHECK(row.size() == kAttempts);
  CHECK(run.data()["workers"] == json::array({{0, "ssh board subunit-proxy serve"}}));
  CHECK(run.data()["start"] == 1'700'000'000'500);
  CHECK(run.data()["took"] == 1750);
  CHECK(run.data()["again"] == json({"subunit-proxy run", " -- ssh board"}));
}

TEST_CASE("page: a short test takes microseconds, and no clock goes back") {
  Run run;
  run.begin("a");
  run.now += 42us;
  run.end("a");
  run.begin("b");
  run.now -= 1s;
  run.end("b");
  CHECK(run.test("a")[kTook] == 0.042);
  CHECK(run.test("b")[kTook] == 0);
}

TEST_CASE("page: every attempt has its own files, place and time") {
  Run run;
  run.begin("a");
  run.attach("a", "stdout", "first");
  run.attempted("a", 1);
  run.begin("a");
  run.attach("a", "attempt-2/stdout", "second");
  run.now += 250ms;
  run.end("a", Status::kSuccess, 1);
  CHECK(run.texts("a") == json::parse(R"([[["stdout","first"]],[["stdout","second"]]])"));
  CHECK(run.test("a")[kAttempts] ==
        json::array({{static_cast<int>(Outcome::kFailed), 0, 0, 1000}}));
  CHECK(run.test("a")[kTook] == 250);
}

TEST_CASE("page: nothing that a test says ends its element") {
  const std::string evil = "</script><script>alert(1)</script><!--\xff\x80 \x1b[31m \xe2\x80\xa8";
  Run run;
  run.run(evil.substr(0, evil.find('\xff')), Status::kFail, "</script>", evil);
  run.happened({.kind = Incident::Kind::kTrouble, .text = evil});
  run.channel = evil;
  run.why = evil;
  CHECK(run.data(false)["problem"] ==
        evil.substr(0, evil.find('\xff')) + "\\xff\\x80 \x1b[31m \xe2\x80\xa8");
  std::size_t elements = 0;
  const std::string before = run.page().substr(0, run.page().size() - kPageTail.size());
  for (std::size_t at = kPageHead.size(); (at = before.find('<', at)) != std::string::npos; ++at)
    ++elements;
  CHECK(elements == 4);  // run and texts-0
}

TEST_CASE("page: JSON strings are UTF-8 without a <") {
  CHECK(as_json("a\"b\\c\n\t<\x7f") == R"("a\"b\\c\n\u0009\u003c\u007f")");
  CHECK(as_json("\xc3\xa9\xed\xa0\x80") == "\"\xc3\xa9\\\\xed\\\\xa0\\\\x80\"");
  CHECK(as_json(std::string_view("\0", 1)) == R"("\u0000")");
  CHECK(as_json("") == "\"\"");
}

TEST_CASE("page: tags are those of the tests, not what is told otherwise") {
  Run run;
  run.end_as("a", Status::kSuccess, 0, {"slow", "worker-0"});
  run.end_as("b", Status::kFail, 0, {"crashed", "slow", "net"});
  CHECK(run.data()["tags"] == json({"slow", "net"}));
  CHECK(run.test("a")[kTags] == json::array({0}));
  CHECK(run.test("b")[kTags] == json::array({0, 1}));
}

TEST_CASE(
    "page: a failure is new if the test had not failed, another end if it had not been there") {
  auto history = std::make_shared<schedule::Durations>();
  history->set("passed", 1s);
  history->set("failed", 1s);
  history->set_failed("failed", true);
  Run run(history);
  run.run("passed", Status::kFail);
  run.run("failed", Status::kFail);
  run.run("unknown");
  CHECK(run.data()["history"] == true);
  CHECK(run.test("passed")[kNew] == 1);
  CHECK(run.test("failed")[kNew] == 0);
  CHECK(run.test("unknown")[kNew] == 1);
  Run again(history);
  again.run("passed");
  again.run("failed");
  CHECK(again.test("passed")[kNew] == 0);
  CHECK(again.test("failed")[kNew] == 0);
}

TEST_CASE("page: tests that pass have less than a kilobyte each, however much they print") {
  constexpr int kTests = 3000;
  Run run;
  const std::string text(20'000, 'x');
  for (int i = 0; i < kTests; ++i)
    run.run(fmt::format("package.module.Class.test_{}", i), Status::kSuccess, "stdout", text);
  run.run("failed", Status::kFail, "stdout", text);
  const std::size_t fixed = kPageHead.size() + kPageTail.size() + HtmlReport::kFreeText;
  CHECK(run.page().size() < fixed + kTests * 1000 + 2 * text.size());
  CHECK(run.data()["tests"].back()[kTexts] >= 0);
  CHECK(run.data()["tests"][kTests - 1][kTexts] == -1);
  // The end of what it printed is there.
  const std::string first = run.texts("package.module.Class.test_0")[0][0][1];
  CHECK(first.starts_with("[... 3616 bytes left out ...]\nxxx"));
}

TEST_CASE("page: what is said about the run, and printed outside of tests") {
  Run run;
  run.now += 2s;
  run.happened({.kind = Incident::Kind::kTrouble, .worker = 3, .text = "the server is stuck"});
  run.happened({.kind = Incident::Kind::kNote, .text = "not worth telling"});
  run.attach("", "stdout", "at import");
  CHECK(run.data()["incidents"] == json::array({{2000, 3, "the server is stuck"}}));
  CHECK(run.data()["outside"] == json::array({{0, json::array({{"stdout", "at import"}})}}));
}

TEST_CASE("page: many messages are counted") {
  Run run;
  for (std::size_t i = 0; i < HtmlReport::kMaxIncidents + 5; ++i)
    run.happened({.kind = Incident::Kind::kTrouble, .text = "again"});
  CHECK(run.data()["incidents"].size() == HtmlReport::kMaxIncidents);
  CHECK(run.data()["more_incidents"] == 5);
}

TEST_CASE("page: a run that was not completed says why, and that is no test") {
  Run run;
  run.end("subunit-proxy.run", Status::kFail, std::nullopt);
  run.why = "the channel was lost";
  CHECK(run.data(false)["completed"] == false);
  CHECK(run.data()["problem"] == "the channel was lost");
  CHECK(run.data()["tests"].empty());
  CHECK(run.data()["failed"] == true);
}

TEST_CASE("page: its policy names the script and the style that are in it") {
  const std::string_view head = kPageHead;
  CHECK(head.find("default-src 'none'; script-src 'sha256-") != head.npos);
  CHECK(head.find("style-src 'sha256-") != head.npos);
  CHECK(head.find('@') == head.find("@media"));
}
