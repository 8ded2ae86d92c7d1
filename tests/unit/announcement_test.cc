#include "common/rpc/announcement.h"

#include <doctest/doctest.h>

using namespace subunit;
using namespace std::chrono_literals;

namespace {

void check_json(const Announcement& announcement, std::string_view json) {
  CHECK(to_json(announcement) == json);
  const auto read = parse_announcement(json);
  REQUIRE_MESSAGE(read, read.error().text);
  CHECK(*read == announcement);
}

}  // namespace

TEST_CASE("every announcement is written as the protocol has it, and read back") {
  check_json(Ready{"subunit-proxy/0.1.0", {.max = 2, .min = 1}, std::nullopt},
             R"({"msg":"Ready","proxy":"subunit-proxy/0.1.0","max":2,"min":1})");
  check_json(
      Ready{"subunit-proxy/0.1.0", {.max = 1, .min = 1}, "127.0.0.1:41234"},
      R"({"msg":"Ready","proxy":"subunit-proxy/0.1.0","max":1,"min":1,"listening":"127.0.0.1:41234"})");
  check_json(Attached{std::nullopt, "unix:/run/a b", std::nullopt},
             R"({"msg":"Attached","address":"unix:/run/a b"})");
  check_json(Attached{"0/1", "127.0.0.1:9999", 4711},
             R"({"msg":"Attached","route":"0/1","address":"127.0.0.1:9999","pid":4711})");
  check_json(Detached{std::nullopt, "it ended", 3, std::nullopt},
             R"({"msg":"Detached","reason":"it ended","exit":3})");
  check_json(Detached{"1", "killed", std::nullopt, 9},
             R"({"msg":"Detached","route":"1","reason":"killed","signal":9})");
  check_json(Refused{"no such route"}, R"({"msg":"Refused","text":"no such route"})");
  check_json(Attach{"00ff"}, R"({"msg":"Attach","token":"00ff"})");
  check_json(Watch{500ms, 30s}, R"({"msg":"Watch","interval":0.5,"lease":30.0})");
  check_json(Respawn{"0/1"}, R"({"msg":"Respawn","route":"0/1"})");
  check_json(Respawn{std::nullopt, "it hangs"}, R"({"msg":"Respawn","reason":"it hangs"})");
  check_json(Alive{}, R"({"msg":"Alive","servers":[]})");
  check_json(
      Alive{{{"0", "a.test", 1500ms, 250ms}, {std::nullopt, std::nullopt, 2s, std::nullopt}}},
      R"({"msg":"Alive","servers":[{"route":"0","test":"a.test","for":1.5,"cpu":0.25},{"for":2.0}]})");
}

TEST_CASE("times may be written as integers") {
  CHECK(parse_announcement(R"({"msg":"Watch","interval":1,"lease":20})") ==
        Announcement(Watch{1s, 20s}));
}

TEST_CASE("what an Alive message says of a server is left out where it makes no sense") {
  CHECK(
      parse_announcement(
          R"({"msg":"Alive","servers":[{"route":7,"test":null,"for":-1,"cpu":"much","x":[]}]})") ==
      Announcement(Alive{{{}}}));
}

TEST_CASE("bytes that are not UTF-8 become U+FFFD in an announcement") {
  CHECK(to_json(Detached{std::nullopt, "it said \xFFno", std::nullopt, std::nullopt}) ==
        "{\"msg\":\"Detached\",\"reason\":\"it said \xEF\xBF\xBDno\"}");
}

TEST_CASE("an announcement with unknown fields is understood") {
  CHECK(parse_announcement(R"({"msg":"Refused","text":"no","since":[1,{"a":2}]})") ==
        Announcement(Refused{"no"}));
}

TEST_CASE("a malformed or unknown announcement is an error that shows it") {
  const auto fault = [](std::string_view json) {
    const auto announcement = parse_announcement(json);
    REQUIRE_FALSE(announcement);
    const std::string start = fmt::format("cannot understand the message {}: ", json);
    CHECK(announcement.error().text.starts_with(start));
    return announcement.error().text.substr(start.size());
  };
  CHECK(fault(R"({"msg":"Woke"})") ==
        "\"msg\" is \"Woke\", expected Ready, Attached, Detached, Refused, Attach, Watch, Alive or "
        "Respawn");
  CHECK(fault(R"({"msg":"Watch","interval":0,"lease":1})") ==
        "\"interval\" is no time between 0 and 1e+07 seconds");
  CHECK(fault(R"({"msg":"Watch","interval":1,"lease":"1"})") ==
        "\"lease\" is a string, expected a number of seconds");
  CHECK(fault(R"({"msg":"Watch","interval":1})") ==
        "\"lease\" is missing, expected a number of seconds");
  CHECK(fault(R"({"msg":"Alive"})") == "\"servers\" is no list of objects");
  CHECK(fault(R"({"msg":"Alive","servers":[1]})") == "\"servers\" is no list of objects");
  CHECK(fault(R"({"msg":"Ready","max":1,"min":1})") == "\"proxy\" is missing, expected a string");
  CHECK(fault(R"({"msg":"Ready","proxy":"p","max":1,"min":2})") == "\"max\" is less than \"min\"");
  CHECK(fault(R"({"msg":"Attached","address":"a","route":0})") ==
        "\"route\" is a number, expected a string");
  CHECK(fault(R"({"msg":"Attached","address":"a","pid":true})") ==
        "\"pid\" is true, expected an integer");
  CHECK(fault(R"({"msg":"Detached","reason":"r","signal":"TERM"})") ==
        "\"signal\" is a string, expected an integer");
}
