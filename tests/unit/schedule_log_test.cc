#include <doctest/doctest.h>

#include "common/schedule/replay.h"

using namespace subunit;
using namespace subunit::schedule;
using namespace std::chrono_literals;

namespace {

std::string fault_of(std::string_view text) {
  const auto parsed = parse_schedule_log(text);
  REQUIRE_FALSE(parsed);
  return parsed.error().text;
}

bool mentions(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a line of the schedule log is one JSON object, with the time in seconds first") {
  CHECK(to_line({.at = 1234567us, .worker = 2, .tests = {"a.b", "c \"d\"\n"}}) ==
        "{\"at\":1.234567,\"worker\":2,\"tests\":[\"a.b\",\"c \\\"d\\\"\\n\"]}\n");
}

TEST_CASE("what was written reads the same") {
  const std::vector<ScheduleEntry> entries{{.at = 0s, .worker = 0, .tests = {"a"}},
                                           {.at = 1500us, .worker = 12, .tests = {"b", "ü", "a"}},
                                           {.at = 100'000s, .worker = 0, .tests = {"c"}},
                                           {.at = 1s, .worker = 0, .tests = {"a"}, .site = 1},
                                           {.at = 1s, .worker = 0, .tests = {"a"}, .round = 2}};
  std::string log;
  for (const auto& entry : entries) log += to_line(entry);
  CHECK(parse_schedule_log(log).value() == entries);
}

TEST_CASE("a log tells whether its tests have run more than once") {
  CHECK_FALSE(ScheduleEntry{.at = 0s, .worker = 0, .tests = {"a"}}.is_one_of_several());
  CHECK_FALSE(ScheduleEntry{.at = 0s, .worker = 0, .tests = {"a"}, .round = 1}.is_one_of_several());
  CHECK(ScheduleEntry{.at = 0s, .worker = 0, .tests = {"a"}, .round = 2}.is_one_of_several());
  CHECK(ScheduleEntry{.at = 0s, .worker = 0, .tests = {"a"}, .site = 0}.is_one_of_several());
}

TEST_CASE("empty lines, Windows line ends, a missing last one and other fields are no trouble") {
  const auto entries = parse_schedule_log(
      "\n{\"tests\":[\"a\"],\"worker\":0,\"at\":1,\"host\":{\"x\":[]}}\r\n \n"
      "{\"at\":2.5,\"worker\":1,\"tests\":[\"b\"]}");
  REQUIRE(entries);
  REQUIRE(entries->size() == 2);
  CHECK(entries->at(0).at == 1s);
  CHECK(entries->at(1) == ScheduleEntry{.at = 2500ms, .worker = 1, .tests = {"b"}});
  CHECK(parse_schedule_log("").value().empty());
}

TEST_CASE("an error names the line, shows it escaped and cut, and says what is expected") {
  const std::string good = to_line({.at = 0s, .worker = 0, .tests = {"a"}});
  const std::string fault = fault_of(good + "\n" + good + "\x1B[31m" + std::string(500, 'x'));
  CHECK(mentions(fault, "line 4"));
  CHECK(mentions(fault, "\\x1b[31mxxx"));
  CHECK(mentions(fault, "(505 bytes)"));
  CHECK(mentions(fault, "it is not JSON"));
  CHECK(mentions(fault, R"({"at":seconds,"worker":number,"tests":["id",...]})"));
  CHECK(fault.size() < 500);
}

TEST_CASE("each field has to be there and to make sense") {
  CHECK(mentions(fault_of("[]"), "it is not a JSON object"));
  CHECK(mentions(fault_of(R"({"worker":0,"tests":["a"]})"), "\"at\" is missing"));
  CHECK(mentions(fault_of(R"({"at":"1","worker":0,"tests":["a"]})"), "\"at\" is not"));
  CHECK(mentions(fault_of(R"({"at":-1,"worker":0,"tests":["a"]})"), "\"at\" is not"));
  CHECK(mentions(fault_of(R"({"at":1e300,"worker":0,"tests":["a"]})"), "\"at\" is not"));
  CHECK(mentions(fault_of(R"({"at":1,"tests":["a"]})"), "\"worker\" is missing"));
  CHECK(mentions(fault_of(R"({"at":1,"worker":-1,"tests":["a"]})"), "\"worker\" is not"));
  CHECK(mentions(fault_of(R"({"at":1,"worker":1.5,"tests":["a"]})"), "\"worker\" is not"));
  CHECK(mentions(fault_of(R"({"at":1,"worker":99999999999,"tests":["a"]})"), "\"worker\" is not"));
  CHECK(mentions(fault_of(R"({"at":1,"worker":1,"tests":["a"],"site":-1})"), "\"site\" is not"));
  CHECK(mentions(fault_of(R"({"at":1,"worker":1})"), "\"tests\" is missing"));
  CHECK(mentions(fault_of(R"({"at":1,"worker":1,"tests":"a"})"), "\"tests\" is not"));
  CHECK(mentions(fault_of(R"({"at":1,"worker":1,"tests":[]})"), "\"tests\" is not"));
  CHECK(mentions(fault_of(R"({"at":1,"worker":1,"tests":["a",1]})"), "\"tests\" is not"));
}
