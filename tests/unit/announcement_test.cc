#include "common/rpc/announcement.h"

#include <doctest/doctest.h>

#include <random>

#include "common/rpc/attachment.h"

using namespace subunit;
using namespace subunit::rpc;
using namespace std::chrono_literals;

namespace {

void check_json(const Announcement& announcement, std::string_view json) {
  CHECK(to_json(announcement) == json);
  const auto read = parse_announcement(json);
  REQUIRE_MESSAGE(read, read.error().text);
  CHECK(*read == announcement);
}

/// What is said of a server with `test` in progress.
std::string alive_with(std::string test) {
  return to_json(Alive{{{.route = std::nullopt, .test = std::move(test), .cpu = std::nullopt}}});
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
  check_json(Refused{"not mine", "1"}, R"({"msg":"Refused","text":"not mine","respawn":"1"})");
  check_json(Ready{.proxy = "x", .versions = {.max = 2, .min = 1}, .listening = {}, .expected = 4},
             R"({"msg":"Ready","proxy":"x","max":2,"min":1,"expected":4})");
  check_json(
      Ready{.proxy = "x", .versions = {.max = 2, .min = 1}, .listening = {}, .revision = "1a"},
      R"({"msg":"Ready","proxy":"x","max":2,"min":1,"revision":"1a"})");
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

TEST_CASE("a time is above zero and at most 1e7 seconds") {
  const auto interval = [](std::string_view number) -> std::optional<Time> {
    const auto watch =
        parse_announcement(fmt::format(R"({{"msg":"Watch","interval":{},"lease":1}})", number));
    if (!watch) return std::nullopt;
    return std::get<Watch>(*watch).interval;
  };
  CHECK(interval("1e-9") == 1ns);
  CHECK(interval("0.25") == 250ms);
  CHECK(interval("1E1") == 10s);
  CHECK(interval("10000000") == 10'000'000s);
  CHECK(interval("10000000.0") == 10'000'000s);
  for (const std::string_view number : {"0",
                                        "0.0",
                                        "-0",
                                        "-0.0",
                                        "1e-10",
                                        "-1",
                                        "10000000.1",
                                        "10000001",
                                        "1e308",
                                        "1e309",
                                        "9223372036854775807",
                                        "18446744073709551615",
                                        "99999999999999999999",
                                        "true",
                                        "null",
                                        "\"1\"",
                                        "[1]",
                                        "{}",
                                        "NaN",
                                        ""}) {
    CAPTURE(number);
    CHECK_FALSE(interval(number));
  }
}

TEST_CASE("times are read as they were written, to the nanosecond") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 100'000; ++i) {
    const Watch watch{Time(1 + random() % 1'000'000'000'000), Time(1 + random() % 86'400) * 1'000};
    REQUIRE(parse_announcement(to_json(watch)) == Announcement(watch));
  }
}

TEST_CASE("test ids with any bytes in them go into an Alive message") {
  const auto written = [](std::string test) {
    const auto read = parse_announcement(alive_with(std::move(test)));
    REQUIRE_MESSAGE(read, read.error().text);
    return std::get<Alive>(*read).servers.at(0).test.value();
  };
  CHECK(written(std::string("a\0b", 3)) == std::string("a\0b", 3));
  CHECK(written("a\xFF\xC3") == "a\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(written("\xED\xA0\x80.\xF4\x90\x80\x80").find('.') != std::string::npos);
  CHECK(written("\"\\\n\x7F\x1B") == "\"\\\n\x7F\x1B");
  CHECK(written("") == "");
}

TEST_CASE("an Alive message stays below its bound, whatever the tests are called") {
  CHECK(alive_with(std::string(kMaxAliveTest, 'x')).find("…") == std::string::npos);
  CHECK(alive_with(std::string(kMaxAliveTest + 1, 'x')).find("x…") != std::string::npos);
  for (const std::size_t count : {1, 64, 1000}) {
    // One is as long as an id can be; the others are as long as makes a difference.
    const std::size_t size = count == 1 ? 4 << 20 : 2 * kMaxAliveTest;
    const Alive::Server server{"63/63", std::string(size, '\x01'), 12345678901ns, 12345678901ns};
    const std::string json = to_json(Alive{std::vector<Alive::Server>(count, server)});
    CHECK(json.size() <= kMaxAliveSize);
    const auto read = parse_announcement(json);
    REQUIRE(read);
    CHECK(std::get<Alive>(*read).servers.size() == count);
  }
}

TEST_CASE("an Alive message that is too large, too deep or odd is an error or understood") {
  const auto with = [](std::string_view servers) {
    return parse_announcement(fmt::format(R"({{"msg":"Alive","servers":{}}})", servers));
  };
  CHECK(with("[]") == Announcement(Alive{}));
  CHECK(with("[{},{}]") == Announcement(Alive{{{}, {}}}));
  CHECK(with(R"([],"servers":[{}])") == Announcement(Alive{{{}}}));
  CHECK(with(R"([{"for":1e300,"cpu":1e-300,"test":"t","test":"u"}])") ==
        Announcement(Alive{{{std::nullopt, "u", Time(0), Time(0)}}}));
  for (const std::string_view servers :
       {"{}", "null", "\"\"", "[[]]", "[{},[]]", "[{},1]", "[{}", "[{\"for\":1e999}]"}) {
    CAPTURE(servers);
    CHECK_FALSE(with(servers));
  }
  const std::string deep(1 << 18, '[');
  CHECK(with("[{\"x\":" + deep).error().text.ends_with("it is nested deeper than 32"));
  CHECK(with("[{\"x\":\"" + std::string(kMaxAliveSize, 'x') + "\"}]")
            .error()
            .text.starts_with("an Alive message has "));
}

TEST_CASE("the reason of a Respawn is cut, for a proxy to see it in passing") {
  const std::string json = to_json(Respawn{"0/1", std::string(10'000, '\x01')});
  CHECK(json.size() <= kMaxAnnouncementPeek);
  const auto read = parse_announcement(json);
  REQUIRE(read);
  CHECK(std::get<Respawn>(*read).reason == std::string(kMaxRespawnReason, '\x01') + "…");
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
        "\"interval\" is not a time between 0 and 1e+07 seconds");
  CHECK(fault(R"({"msg":"Watch","interval":1,"lease":"1"})") ==
        "\"lease\" is a string, expected a number of seconds");
  CHECK(fault(R"({"msg":"Watch","interval":1})") ==
        "\"lease\" is missing, expected a number of seconds");
  CHECK(fault(R"({"msg":"Alive"})") == "\"servers\" is not a list of objects");
  CHECK(fault(R"({"msg":"Alive","servers":[1]})") == "\"servers\" is not a list of objects");
  CHECK(fault(R"({"msg":"Ready","max":1,"min":1})") == "\"proxy\" is missing, expected a string");
  CHECK(fault(R"({"msg":"Ready","proxy":"p","max":1,"min":2})") == "\"max\" is less than \"min\"");
  CHECK(fault(R"({"msg":"Attached","address":"a","route":0})") ==
        "\"route\" is a number, expected a string");
  CHECK(fault(R"({"msg":"Attached","address":"a","pid":true})") ==
        "\"pid\" is true, expected an integer");
  CHECK(fault(R"({"msg":"Detached","reason":"r","signal":"TERM"})") ==
        "\"signal\" is a string, expected an integer");
}
