#include "common/report/human_report.h"

#include <doctest/doctest.h>

#include "tests/unit/streams.h"

using namespace subunit;
using namespace subunit::report;
using namespace std::chrono_literals;
using run::Incident;

namespace {

/// A run that a test makes up, and what a person sees of it.
class Shown : private run::View {
 public:
  explicit Shown(bool status_line)
      : report({.has_status_line = status_line, .locale = "C.UTF-8"}, *this, now) {}

  void packet(const Fields& fields, std::optional<run::WorkerNumber> worker = 0) {
    const std::string raw = subunit::packet(fields);
    const Packet packet = *parse_packet(as_bytes(raw));
    ledger_.record(packet);
    report.packet(packet, worker, now);
    running_.record(packet, worker, now);
  }
  void begin(std::string_view id) { packet({.test_id = id, .status = Status::kInProgress}); }
  void end(std::string_view id, Status status = Status::kSuccess) {
    packet({.test_id = id, .status = status});
  }
  std::string out() {
    std::string text(report.pending_output());
    report.consume_output();
    return text;
  }
  std::string lines() {
    std::string text(report.pending_lines());
    report.consume_lines();
    return text;
  }

  Time now = 100s;
  HumanReport report;
  bool asking = false;

 private:
  [[nodiscard]] const verdict::Ledger& ledger() const override { return ledger_; }
  [[nodiscard]] const run::RunningTests& running() const override { return running_; }
  [[nodiscard]] bool may_be_asking() const override { return asking; }
  [[nodiscard]] std::optional<Time> time_left(Time) const override { return std::nullopt; }

  verdict::Ledger ledger_;
  run::RunningTests running_;
};

}  // namespace

TEST_CASE("a status line is drawn within 100 ms of a change, and each second for the time in it") {
  Shown shown(true);
  CHECK(shown.report.next_deadline() == 100100ms);
  shown.now = 100100ms;
  CHECK(shown.report.status_line(80, shown.now) == "waiting, 0:00");
  CHECK(shown.report.next_deadline() == 101s);
  shown.now = 100150ms;
  shown.begin("a.test");
  CHECK(shown.report.next_deadline() == 100200ms);  // not more often than one can read it
  shown.now = 100900ms;
  CHECK(shown.report.status_line(80, shown.now) == "0 tests, 0 failed, 0:00  a.test");
  CHECK(shown.report.next_deadline() == 101s);
  shown.now = 101s;
  CHECK(shown.report.status_line(80, shown.now) == "0 tests, 0 failed, 0:01  a.test");
  CHECK(shown.report.next_deadline() == 102s);
}

TEST_CASE("while ssh may ask for a password there is no status line, and soon after that one") {
  Shown shown(true);
  shown.asking = true;
  for (shown.now = 100100ms; shown.now < 103s; shown.now = *shown.report.next_deadline())
    CHECK(shown.report.status_line(80, shown.now).empty());
  shown.asking = false;
  CHECK(shown.report.next_deadline() <= 104s);
  CHECK(shown.report.status_line(80, shown.now) == "waiting, 0:03");
}

TEST_CASE("progress is told to a file, where nobody is asked, while ssh may ask for a password") {
  Shown shown(false);
  shown.asking = true;
  shown.now = 110s;
  shown.report.add_progress_line(shown.now);
  CHECK(shown.lines() == "waiting, 0:10\n");
}

TEST_CASE("a status line that cannot be drawn now is due again soon") {
  Shown shown(true);
  shown.now = 100100ms;
  shown.report.postpone_status_line(shown.now);
  CHECK(shown.report.next_deadline() == 100200ms);
}

TEST_CASE("another width of the terminal is a change") {
  Shown shown(true);
  shown.now = 100100ms;
  CHECK_FALSE(shown.report.status_line(80, shown.now).empty());
  shown.report.resized();
  CHECK(shown.report.next_deadline() == 100200ms);
}

TEST_CASE("without a terminal there is a line of progress every 10 s, whatever happens") {
  Shown shown(false);
  shown.begin("a.test");
  CHECK(shown.report.next_deadline() == 110s);
  shown.now = 110s;
  shown.report.add_progress_line(shown.now);
  CHECK(shown.lines() == "0 tests, 0 failed, 0:10  a.test 10 s\n");
  CHECK(shown.report.next_deadline() == 120s);
}

TEST_CASE("a slow test is named with its time and its worker") {
  Shown shown(true);
  shown.begin("a.test");
  shown.now = 112s;
  shown.report.happened({.kind = Incident::Kind::kSlow, .worker = 0, .test_id = "a.test"},
                        shown.now);
  CHECK(shown.lines() == "slow: a.test has been running for 12 s on worker-0\n");
}

TEST_CASE(
    "failures stand with their attachments as they happen, then a list of them, and the summary") {
  Shown shown(true);
  shown.begin("a.test");
  shown.packet({.test_id = "a.test",
                .mime_type = "text/plain;charset=utf8",
                .file = File{"traceback", as_bytes("it is broken\n")}});
  shown.end("a.test", Status::kFail);
  shown.end("b.test");
  shown.end("c.test", Status::kSkip);
  const std::string rule(70, '-');
  CHECK(shown.out() == rule + "\nFAIL: a.test\n" + rule + "\ntraceback:\nit is broken\n\n");
  shown.now = 102500ms;
  shown.report.finish(true, shown.now);
  CHECK(shown.out() ==
        "failed     a.test  worker-0    0.0 s\n\n"
        "3 tests: 1 passed, 1 failed, 1 skipped in 2.5 s\n");
  CHECK_FALSE(shown.report.next_deadline());
  CHECK(shown.report.status_line(80, shown.now).empty());
}

TEST_CASE("the summary tells of lost servers, and that a run was not completed") {
  Shown shown(false);
  shown.report.happened({.kind = Incident::Kind::kGone, .worker = 0}, shown.now);
  shown.report.finish(false, shown.now);
  CHECK(shown.out() ==
        "0 tests: 0 passed, 0 failed, 0 skipped in 0.0 s; 1 server was lost; the run was not "
        "completed\n");
}

TEST_CASE("a test may attach any number of files; of very many the first are shown") {
  Shown shown(false);
  shown.begin("a");
  for (std::size_t i = 0; i < Attachments::kMaxFiles + 5; ++i) {
    const std::string name = "file" + std::to_string(i);
    shown.packet({.test_id = "a", .mime_type = "text/plain", .file = File{name, as_bytes("x")}});
  }
  shown.end("a", Status::kFail);
  shown.report.finish(true, shown.now);
  const std::string text = shown.out();
  CHECK(text.find("file999:") != text.npos);
  CHECK(text.find("file1000:") == text.npos);
  CHECK(text.find("[... 5 more attachments left out ...]") != text.npos);
}

TEST_CASE("what tests attach that never end is kept up to a bound") {
  Shown shown(false);
  const std::string text(1 << 20, 'x');
  const std::string id(1 << 20, 'i');
  for (int i = 0; i < 200; ++i) {
    const std::string each = id + std::to_string(i);
    shown.packet({.test_id = each, .mime_type = "text/plain", .file = File{"f", as_bytes(text)}});
  }
  shown.packet({.test_id = "late", .mime_type = "text/plain", .file = File{"f", as_bytes(text)}});
  shown.end("late", Status::kFail);
  shown.end(id + "0", Status::kFail);
  shown.packet({.test_id = "later", .mime_type = "text/plain", .file = File{"f", as_bytes("now")}});
  shown.end("later", Status::kFail);
  shown.report.finish(true, shown.now);
  const std::string report = shown.out();
  const std::size_t late = report.find("FAIL: late\n");
  REQUIRE(late != report.npos);
  CHECK(report.substr(late, 200).find("f:\n") == std::string::npos);
  CHECK(report.find("f:\nnow\n") != report.npos);
}
