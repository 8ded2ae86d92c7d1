#include "common/report/trace.h"

#include <doctest/doctest.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "tests/unit/streams.h"

using namespace subunit::report;
using subunit::run::Incident;
using subunit::run::WorkerNumber;
using namespace std::chrono_literals;
using nlohmann::json;
using subunit::Fields;
using subunit::Status;
using subunit::Time;
using subunit::Timestamp;

namespace {

/// A trace, and the run that it is of.
struct Run {
  Trace trace{"a run", Time(0)};

  void packet(const Fields& fields, std::optional<WorkerNumber> worker, Time now,
              subunit::TagList tags = {}) {
    const std::string raw = subunit::packet(fields, tags);
    trace.packet(*subunit::parse_packet(subunit::as_bytes(raw)), worker, now);
  }
  void begin(std::string_view id, std::optional<WorkerNumber> worker, Time now,
             std::optional<Timestamp> timestamp = {}) {
    packet({.test_id = id, .timestamp = timestamp, .status = Status::kInProgress}, worker, now);
  }
  void end(std::string_view id, std::optional<WorkerNumber> worker, Time now,
           std::optional<Timestamp> timestamp = {}) {
    packet({.test_id = id, .timestamp = timestamp, .status = Status::kSuccess}, worker, now);
  }

  [[nodiscard]] json events(Time now) {
    trace.finish(true, now);
    return json::parse(trace.pending_output());
  }
  /// "name row begin+length status" of every box, in milliseconds, in the order written.
  [[nodiscard]] std::vector<std::string> boxes(Time now) {
    std::vector<std::string> out;
    for (const json& event : events(now)) {
      if (event["ph"] != "X") continue;
      out.push_back(fmt::format("{} {} {:g}+{:g} {}", event["name"].get<std::string>(),
                                event["tid"].get<int>(), event["ts"].get<double>() / 1000,
                                event["dur"].get<double>() / 1000,
                                event["args"]["status"].get<std::string>()));
    }
    return out;
  }
};

using Boxes = std::vector<std::string>;

}  // namespace

TEST_CASE("a test is a box in the row of its server, from its start to its end") {
  Run run;
  run.begin("a", 0, 10ms);
  run.begin("b", 1, 12ms);
  run.end("a", 0, 15ms);
  run.end("b", 1, 32ms);
  CHECK(run.boxes(40ms) == Boxes{"a 2 10+5 success", "b 3 12+20 success"});
}

TEST_CASE("the process and every row have a name") {
  Run run;
  run.begin("a", 7, 0ms);
  run.packet({.file = subunit::File{"channel", subunit::as_bytes("banner")}}, std::nullopt, 0ms);
  std::map<std::string, std::string> names;
  for (const json& event : run.events(0ms)) {
    if (event["ph"] == "M")
      names[event["name"].get<std::string>() + event["tid"].dump()] = event["args"]["name"];
  }
  CHECK(names == std::map<std::string, std::string>{{"process_name1", "a run"},
                                                    {"thread_name1", "run"},
                                                    {"thread_name9", "worker-7"}});
}

TEST_CASE("tests that one server runs at once have rows of their own") {
  Run run;
  run.begin("a", 0, 0ms);
  run.begin("b", 0, 1ms);
  run.end("a", 0, 2ms);
  run.begin("c", 0, 3ms);
  run.end("b", 0, 4ms);
  run.end("c", 0, 5ms);
  CHECK(run.boxes(9ms) == Boxes{"a 2 0+2 success", "b 1000002 1+3 success", "c 2 3+2 success"});
}

TEST_CASE("durations are those of the other machine, whatever its clock and the channel") {
  Run run;
  // Its clock is at 1,000 s when ours begins. The channel takes 5 ms, then holds all back.
  run.begin("a", 0, 15ms, Timestamp{1000, 10'000'000});
  run.end("a", 0, 100ms, Timestamp{1000, 20'000'000});
  run.begin("b", 0, 100ms, Timestamp{1000, 20'000'000});
  run.end("b", 0, 100ms, Timestamp{1000, 50'000'000});
  CHECK(run.boxes(100ms) == Boxes{"a 2 15+10 success", "b 2 25+30 success"});
}

TEST_CASE("a clock that is set back does not put tests into the past") {
  Run run;
  run.begin("a", 0, 20s, Timestamp{5000, 0});
  run.end("a", 0, 21s, Timestamp{1000, 0});
  run.begin("b", 0, 22s, Timestamp{1001, 0});
  run.end("b", 0, 23s, Timestamp{1002, 0});
  CHECK(run.boxes(30s) == Boxes{"a 2 20000+1000 success", "b 2 22000+1000 success"});
}

TEST_CASE("boxes of one row never overlap, and no time is negative") {
  Run run;
  run.begin("a", 0, 10ms, Timestamp{1, 0});
  run.end("a", 0, 20ms, Timestamp{1, 10'000'000});
  run.begin("b", 0, 21ms, Timestamp{1, 5'000'000});  // its clock was set back a little
  run.end("b", 0, 22ms, Timestamp{1, 6'000'000});
  run.begin("c", 1, 0ms, Timestamp{9, 0});
  run.end("c", 1, 1ms, Timestamp{8, 0});
  CHECK(run.boxes(30ms) == Boxes{"a 2 10+10 success", "b 2 20+0 success", "c 3 0+0 success"});
}

TEST_CASE("a test in progress when its server is lost has a box that ends there") {
  for (const bool told_by_server : {false, true}) {
    CAPTURE(told_by_server);
    Run run;
    run.begin("a", 0, 10ms);
    run.trace.happened({.kind = Incident::Kind::kGone, .worker = 0, .text = "killed"}, 15ms);
    run.begin("b", 0, 20ms);  // its successor
    run.packet({.test_id = "a",
                .file = subunit::File{"subunit-proxy", subunit::as_bytes("SIGKILL")},
                .status = Status::kFail},
               told_by_server ? std::optional<WorkerNumber>(0) : std::nullopt, 25ms);
    run.end("b", 0, 30ms);
    CHECK(run.boxes(40ms) == Boxes{"a 2 10+5 fail", "b 2 20+10 success"});
  }
}

TEST_CASE("a test that nobody ends has a box up to the end of the run, or of its server") {
  Run run;
  run.begin("a", 0, 10ms);
  run.begin("b", 1, 10ms);
  run.trace.happened({.kind = Incident::Kind::kGone, .worker = 0}, 15ms);
  CHECK(run.boxes(40ms) == Boxes{"a 2 10+5 unfinished", "b 3 10+30 unfinished"});
}

TEST_CASE("a result without a beginning is a box without length; a test never run has none") {
  Run run;
  run.end("a", 0, 10ms);
  run.end("b", std::nullopt, 11ms);
  CHECK(run.boxes(20ms) == Boxes{"a 2 10+0 success"});
}

TEST_CASE("a box tells the tags of its test, and who else ended it why") {
  Run run;
  const std::string_view tags[] = {"worker-0", "a \"tag\""};
  run.begin("a", 0, 10ms);
  run.packet({.test_id = "a",
              .file = subunit::File{"subunit-proxy", subunit::as_bytes("line\n")},
              .status = Status::kFail},
             0, 11ms, tags);
  const json box = run.events(20ms).back();
  CHECK(box["cat"] == "fail");
  CHECK(box["args"] ==
        json{{"status", "fail"}, {"tags", {"worker-0", "a \"tag\""}}, {"reason", "line\n"}});
}

TEST_CASE("what was printed is a mark, cut to a page, and so is every incident") {
  Run run;
  const std::string page(5000, 'x');
  run.packet({.test_id = "a", .file = subunit::File{"stderr.raw", subunit::as_bytes("\xff")}}, 0,
             1ms);
  run.packet({.file = subunit::File{"stdout-2", subunit::as_bytes(page)}}, 0, 2ms);
  run.packet({.file = subunit::File{"stdout", {}}}, 0, 2ms);
  run.packet({.file = subunit::File{"traceback", subunit::as_bytes("no mark")}}, 0, 2ms);
  run.trace.happened({.kind = Incident::Kind::kSlow, .worker = 0, .test_id = "a\n"}, 3ms);
  run.trace.happened({.kind = Incident::Kind::kTrouble, .text = "a channel is lost"}, 4ms);
  std::vector<json> marks;
  for (const json& event : run.events(9ms))
    if (event["ph"] == "i") marks.push_back(event);
  REQUIRE(marks.size() == 4);
  CHECK(marks[0]["name"] == "stderr.raw");
  CHECK(marks[0]["args"]["text"] == "\\xff");
  CHECK(marks[0]["ts"] == 1000.0);
  CHECK(marks[0]["tid"] == 2);
  CHECK(marks[1]["args"]["text"] == std::string(2000, 'x') + "… (5000 bytes)");
  CHECK(marks[2]["name"] == "slow");
  CHECK(marks[2]["args"]["test"] == "a\n");
  CHECK(marks[3]["tid"] == 1);
  CHECK(marks[3]["args"]["text"] == "a channel is lost");
}

TEST_CASE("a text that is cut within a character stays one") {
  Run run;
  std::string text = "x";
  while (text.size() < 3000) text += "試";
  run.packet({.file = subunit::File{"stdout", subunit::as_bytes(text)}}, 0, 1ms);
  const std::string shown = run.events(2ms).back()["args"]["text"];
  CHECK(shown.starts_with("x試"));
  CHECK(shown.ends_with("試… (3001 bytes)"));
}

TEST_CASE("thousands of tests at once, and of tests whose end is never told, take bounded room") {
  Run run;
  for (int i = 0; i < 3000; ++i) run.begin("at once " + std::to_string(i), 0, 1ms);
  for (int i = 0; i < 3000; ++i) {
    run.begin("lost " + std::to_string(i), 1, 1ms);
    run.trace.happened({.kind = Incident::Kind::kGone, .worker = 1}, 2ms);
  }
  CHECK(run.boxes(3ms).size() == 64 + 3000);
}
