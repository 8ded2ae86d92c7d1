#include "common/base/json.h"

#include <doctest/doctest.h>

namespace subunit {
namespace {

TEST_CASE("a document is read as the values that stand in it") {
  const auto json = parse_json(R"( {"a":[1,-2.5,"t\u00e9",true,null,{}],"b":{"c":1e2}} )");
  REQUIRE(json);
  const auto& list = *json->find("a")->get<JsonValue::List>();
  REQUIRE(list.size() == 6);
  CHECK(*list[0].get<std::int64_t>() == 1);
  CHECK(*list[1].get<double>() == -2.5);
  CHECK(*list[2].get<std::string>() == "té");
  CHECK(*list[3].get<bool>());
  CHECK(list[4].get<std::nullptr_t>());
  CHECK(list[5].get<JsonValue::Object>()->empty());
  CHECK(json->find("b")->find("c")->number() == 100);
  CHECK(list[0].number() == 1);
}

TEST_CASE("what is not there, or something else, is not found") {
  const auto json = parse_json(R"({"a":"1"})");
  REQUIRE(json);
  CHECK_FALSE(json->find("b"));
  CHECK_FALSE(json->find("a")->find("b"));
  CHECK_FALSE(json->find("a")->get<std::int64_t>());
  CHECK_FALSE(json->find("a")->number());
}

TEST_CASE("of a field that stands there twice the last one counts") {
  CHECK(parse_json(R"({"a":1,"a":2})")->find("a")->number() == 2);
}

TEST_CASE("an integer that is too large is the largest") {
  CHECK(*parse_json("18446744073709551615")->get<std::int64_t>() == INT64_MAX);
}

TEST_CASE("what is not one JSON value is refused") {
  for (const char* const bad : {"", "{", "[1,]", "{\"a\"}", "1 2", "nul", "\"\xff\"", "{'a':1}"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_json(bad));
    const auto json = parse_json(bad);
    REQUIRE_FALSE(json);
    CHECK(json.error().text == "it is not JSON");
  }
  CHECK(is_json(" [1] "));
}

TEST_CASE("nesting has a bound") {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  CHECK(parse_json(nested(kMaxJsonDepth)));
  const auto deeper = parse_json(nested(1'000'000));
  REQUIRE_FALSE(deeper);
  CHECK(deeper.error().text == "it is nested deeper than 32");
}

TEST_CASE("an object is written field by field, in the order given") {
  const std::vector<JsonObject> objects{JsonObject().add("c", 1), JsonObject()};
  CHECK(JsonObject()
            .add("z", "\"q\"\n\xff")
            .add("a", 0.5)
            .add("n", std::size_t{7})
            .add("l", std::vector<std::string>{"x", "y"})
            .add("none", std::optional<int>())
            .add("some", std::optional<std::string>("s"))
            .add("o", objects)
            .text() ==
        R"({"z":"\"q\"\n�","a":0.5,"n":7,"l":["x","y"],"some":"s","o":[{"c":1},{}]})");
  CHECK(JsonObject().text() == "{}");
}

TEST_CASE("every character is read back from a text as it was written") {
  for (int byte = 0; byte < 0x80; ++byte) {
    const std::string text = {'a', static_cast<char>(byte), 'b'};
    const auto json = parse_json(JsonObject().add("list", std::vector{text}).text());
    REQUIRE(json);
    const auto* list = json->find("list")->get<JsonValue::List>();
    REQUIRE(list);
    CHECK(*list->front().get<std::string>() == text);
  }
  CHECK(json_text("plain ~!") == "\"plain ~!\"");
  CHECK(json_text("\"\\\n\x7F") == "\"\\\"\\\\\\n\x7F\"");
  CHECK(json_text("ü\xFF") == "\"ü\uFFFD\"");
}

TEST_CASE("numbers are written as short as they are read back") {
  CHECK(JsonObject().add("a", 0.1).add("b", 3.0).add("c", 1e-7).text() ==
        R"({"a":0.1,"b":3.0,"c":1e-07})");
}

}  // namespace
}  // namespace subunit
