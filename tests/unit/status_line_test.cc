#include "common/report/status_line.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>

using namespace subunit::report;
using subunit::run::RunningTests;
using subunit::run::WorkerNumber;
using namespace std::chrono_literals;

namespace {

std::string line(const Progress& progress, const RunningTests& running, std::size_t columns) {
  static const TextCells cells("C.UTF-8");
  return status_line(progress, running, columns, cells, Style(false));
}

/// In columns: every character in these tests takes one.
std::size_t width(std::string_view text) {
  return std::ranges::count_if(text, [](char byte) { return (byte & 0xC0) != 0x80; });
}

const Progress kMiddle{
    .ended = 12, .expected = 2625, .failed = 1, .now = 100s, .elapsed = 65s, .left = 3700s};

}  // namespace

TEST_CASE("progress tells how many of how many, failures, the time passed and left") {
  CHECK(line(kMiddle, {}, 80) == "12/2625, 1 failed, 1:05, 1:01:40 left");
  CHECK(line({.ended = 1, .elapsed = 5s}, {}, 80) == "1 test, 0 failed, 0:05");
  CHECK(line({.elapsed = 5s}, {}, 80) == "waiting, 0:05");
  CHECK(line({.elapsed = 5s, .being_set_up = true}, {}, 80) == "setup, 0:05");
}

TEST_CASE("nothing is drawn over what somebody asks for on the same terminal") {
  CHECK(line({.elapsed = 5s, .may_be_asking = true}, {}, 80).empty());
  Progress progress = kMiddle;  // another channel is ready already
  progress.may_be_asking = true;
  CHECK(line(progress, {}, 80).empty());
}

TEST_CASE("progress with one server names its test, with its time once that is long") {
  RunningTests running;
  running.start("a.test", 0, 91s);
  CHECK(line(kMiddle, running, 80) == "12/2625, 1 failed, 1:05, 1:01:40 left  a.test");
  running = {};
  running.start("a.test", 0, 90s);
  CHECK(line(kMiddle, running, 80) == "12/2625, 1 failed, 1:05, 1:01:40 left  a.test 10 s");
}

TEST_CASE("progress with several servers names them, in their order") {
  RunningTests running;
  running.start("module.b.test", 1, 99s);
  running.start("module.a.test", 0, 100s);
  const std::string both = line(kMiddle, running, 100);
  CHECK(both == "12/2625, 1 failed, 1:05, 1:01:40 left  #0 module.a.test  #1 module.b.test");
  running.end("module.a.test", 0);
  CHECK(line(kMiddle, running, 100) == "12/2625, 1 failed, 1:05, 1:01:40 left  #1 module.b.test");
}

TEST_CASE("room that one test does not need is given to the others") {
  RunningTests running;
  running.start("short", 0, 99s);
  running.start("a.module.with.a.long.name.and_a_test", 1, 99s);
  CHECK(line(kMiddle, running, 80) ==
        "12/2625, 1 failed, 1:05, 1:01:40 left  #0 short  #1 …with.a.long.name.and_a_test");
}

TEST_CASE("where not all tests have room, those that have taken longest are named") {
  RunningTests running;
  for (WorkerNumber worker = 0; worker < 16; ++worker)
    running.start("module.test_of_" + std::to_string(worker), worker, 99s);
  running.end("module.test_of_3", 3);
  running.start("module.test_that_takes", 3, 10s);
  const std::string shown = line(kMiddle, running, 80);
  CHECK(shown == "12/2625, 1 failed, 1:05, 1:01:40 left  #3 module.test_that_takes 90 s +15");
}

TEST_CASE("a line of progress is never wider than asked for, and never empty-handed above 3") {
  RunningTests running;
  for (WorkerNumber worker = 0; worker < 9; ++worker)
    running.start("some.module.with.a.name.test_" + std::to_string(worker), worker * 1000,
                  std::chrono::seconds(worker * 12));
  for (std::size_t columns = 0; columns < 400; ++columns) {
    CAPTURE(columns);
    for (const Progress& progress : {kMiddle, Progress{.elapsed = 1s}}) {
      const std::string shown = line(progress, running, columns);
      CAPTURE(shown);
      CHECK(width(shown) <= columns);
      CHECK(shown.empty() == (columns < (progress.expected > 0 ? 2 : 7)));
    }
  }
}

TEST_CASE("progress at ten columns is the count, and below that a percentage") {
  CHECK(line(kMiddle, {}, 9) == "12/2625");
  CHECK(line(kMiddle, {}, 6) == "0%");
  CHECK(line({.ended = 2625, .expected = 2625}, {}, 6) == "100%");
}

TEST_CASE("failures are red, and color takes no room") {
  static const TextCells cells("C.UTF-8");
  const std::string painted = status_line(kMiddle, {}, 25, cells, Style(true));
  CHECK(painted == "12/2625, \x1b[1;31m1 failed\x1b[0m, 1:05");
  CHECK(status_line({.ended = 1, .expected = 2}, {}, 25, cells, Style(true)) ==
        "1/2, 0 failed, 0:00");
}

TEST_CASE("a test that somebody else ends is in progress nowhere") {
  RunningTests running;
  running.start("a", 0, 1s);
  running.start("b", 1, 2s);
  running.start("b", 1, 3s);
  CHECK(running.since("b", std::nullopt) == 2s);
  running.end("b", std::nullopt);
  CHECK_FALSE(running.since("b", std::nullopt));
  running.clear(0);
  CHECK_FALSE(running.since("a", std::nullopt));
}
