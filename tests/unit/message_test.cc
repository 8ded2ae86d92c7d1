#include "common/rpc/message.h"

#include <doctest/doctest.h>

#include <string>

#include "common/base/json.h"

using namespace subunit;
using namespace subunit::rpc;

namespace {

void check_json(const Message& message, std::string_view json) {
  const auto written = to_json(message);
  REQUIRE(written);
  CHECK(*written == json);
  const auto read = parse_message(json);
  REQUIRE_MESSAGE(read, read.error().text);
  CHECK(*read == message);
}

template <typename T>
T parsed(std::string_view json) {
  const auto message = parse_message(json);
  REQUIRE_MESSAGE(message, message.error().text);
  REQUIRE(std::holds_alternative<T>(*message));
  return std::get<T>(*message);
}

/// What is wrong with `json`, without the part that shows it.
std::string fault_of(std::string_view json) {
  const auto message = parse_message(json);
  REQUIRE_FALSE(message);
  const std::string& text = message.error().text;
  const std::string start = "cannot understand the message ";
  CHECK(text.starts_with(start));
  return text.substr(text.rfind("}: ") == std::string::npos ? 0 : text.rfind("}: ") + 3);
}

std::string repeated(std::string_view piece, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += piece;
  return all;
}

}  // namespace

TEST_CASE("every message is written as the protocol has it, and read back") {
  check_json(Hello{{.max = 3, .min = 1}}, R"({"msg":"Hello","max":3,"min":1})");
  check_json(Hello{{.max = 1, .min = 1}, "settled"},
             R"({"msg":"Hello","max":1,"min":1,"output":"settled"})");
  check_json(Hello{{.max = 1, .min = 1}, std::nullopt, 10},
             R"({"msg":"Hello","max":1,"min":1,"batch":10})");
  check_json(Cancel{"7"}, R"({"msg":"Cancel","nonce":"7"})");
  check_json(ErrorMessage{"7", "no such list"},
             R"({"msg":"Error","nonce":"7","text":"no such list"})");
  check_json(ErrorMessage{std::nullopt, "no"}, R"({"msg":"Error","text":"no"})");
  check_json(Ping{"p"}, R"({"msg":"Ping","nonce":"p"})");
  check_json(Pong{"p"}, R"({"msg":"Pong","nonce":"p"})");
  check_json(List{std::nullopt, "1"}, R"({"msg":"List","nonce":"1"})");
  check_json(List{{{"a.test", "b.test"}}, "1"},
             R"({"msg":"List","tests":["a.test","b.test"],"nonce":"1"})");
  check_json(Run{std::nullopt, ""}, R"({"msg":"Run","nonce":""})");
  check_json(Run{{{"a \"quoted\\\" t\xC3\xABst\n"}}, "\xE2\x82\xAC"},
             "{\"msg\":\"Run\",\"tests\":[\"a \\\"quoted\\\\\\\" "
             "t\xC3\xABst\\n\"],\"nonce\":\"\xE2\x82\xAC\"}");
  check_json(Done{"1"}, R"({"msg":"Done","nonce":"1"})");
  check_json(Goodbye{}, R"({"msg":"Goodbye"})");
}

TEST_CASE("no list of tests means all of them, an empty list none") {
  check_json(Run{TestIds(), "1"}, R"({"msg":"Run","nonce":"1"})");
  check_json(Run{TestIds(std::in_place), "1"}, R"({"msg":"Run","tests":[],"nonce":"1"})");
}

TEST_CASE("unknown fields are ignored, whatever they hold and wherever they stand") {
  CHECK(parsed<Done>(R"({"a":null,"msg":"Done","b":[{"nonce":1}],"nonce":"7","c":{"msg":[]}})") ==
        Done{"7"});
  CHECK(parsed<Goodbye>(R"({"msg":"Goodbye","max":true,"tests":7})") == Goodbye{});
}

TEST_CASE("space, the order of fields and escapes in strings make no difference") {
  CHECK(parsed<Run>(
            " {\n\"nonce\" : \"\\u0031\" , \"tests\":[ \"\\u20ac\" ],\"msg\":\"R\\u0075n\"}\r\n") ==
        Run{{{"\xE2\x82\xAC"}}, "1"});
}

TEST_CASE("of a field that stands there twice the last counts") {
  CHECK(parsed<Done>(R"({"msg":"Done","nonce":"1","nonce":"2"})") == Done{"2"});
  CHECK(parsed<List>(R"({"msg":"List","nonce":"1","tests":["a"],"tests":["b"]})") ==
        List{{{"b"}}, "1"});
}

TEST_CASE("an unknown message is an error that says which ones are known") {
  const auto message = parse_message(R"({"msg":"Reboot","nonce":"1"})");
  REQUIRE_FALSE(message);
  CHECK(message.error().text ==
        R"(cannot understand the message {"msg":"Reboot","nonce":"1"}: "msg" is "Reboot", )"
        "expected Hello, List, Run, Done, Goodbye, Cancel, Error, Ping or Pong");
}

TEST_CASE("a missing field is an error that names it") {
  CHECK(fault_of("{}") == "\"msg\" is missing, expected a string");
  CHECK(fault_of(R"({"msg":"Done"})") == "\"nonce\" is missing, expected a string");
  CHECK(fault_of(R"({"msg":"Hello","min":1})") == "\"max\" is missing, expected an integer");
  CHECK(fault_of(R"({"msg":"Run","tests":[]})") == "\"nonce\" is missing, expected a string");
}

TEST_CASE("a mistyped field is an error that says what was seen and what is expected") {
  CHECK(fault_of(R"({"msg":1})") == "\"msg\" is a number, expected a string");
  CHECK(fault_of(R"({"msg":"Done","nonce":1})") == "\"nonce\" is a number, expected a string");
  CHECK(fault_of(R"({"msg":"Hello","max":1,"min":1,"output":1})") ==
        "\"output\" is a number, expected a string");
  CHECK(fault_of(R"({"msg":"Done","nonce":null})") == "\"nonce\" is null, expected a string");
  CHECK(fault_of(R"({"msg":"Done","nonce":["1"]})") == "\"nonce\" is a list, expected a string");
  CHECK(fault_of(R"({"msg":"Run","nonce":"1","tests":null})") ==
        "\"tests\" is null, expected a list of strings");
  CHECK(fault_of(R"({"msg":"Run","nonce":"1","tests":"a"})") ==
        "\"tests\" is a string, expected a list of strings");
  for (const std::string_view value : {R"("b")", "1", "[]", "{}"}) {
    CHECK(fault_of(fmt::format(R"({{"msg":"Run","nonce":"1","tests":{{"a":{}}}}})", value)) ==
          "\"tests\" is an object, expected a list of strings");
  }
  CHECK(fault_of(R"({"msg":"Error","nonce":7,"text":"t"})") ==
        "\"nonce\" is a number, expected a string");
  CHECK(fault_of(R"({"msg":"Error","nonce":"7"})") == "\"text\" is missing, expected a string");
}

TEST_CASE("a list of tests holds strings only") {
  for (const std::string_view other :
       {"1", "1.5", "null", "true", "[\"a\"]", "{\"a\":\"b\"}", "[]"}) {
    for (const std::string_view tests : {"[{}]", "[\"a\",{}]", "[{},\"a\"]"}) {
      std::string list(tests);
      list.replace(list.find("{}"), 2, other);
      CHECK(
          fault_of(R"({"msg":"List","nonce":"1","tests":)" + list + "}") ==
          "\"tests\" is a list with something else than strings in it, expected a list of strings");
    }
  }
}

TEST_CASE("a version is an integer, which true and 1.0 are not") {
  const auto fault = [](std::string_view max) {
    return fault_of(R"({"msg":"Hello","min":1,"max":)" + std::string(max) + "}");
  };
  CHECK(fault("true") == "\"max\" is true, expected an integer");
  CHECK(fault("1.0") ==
        "\"max\" is a number that is not an integer, or too large, expected an integer");
  CHECK(fault("1e0") ==
        "\"max\" is a number that is not an integer, or too large, expected an integer");
  CHECK(fault("\"1\"") == "\"max\" is a string, expected an integer");
  CHECK(fault("2147483648") == "\"max\" is out of range");
  CHECK(fault("18446744073709551615") == "\"max\" is out of range");
  CHECK(fault("99999999999999999999999") ==
        "\"max\" is a number that is not an integer, or too large, expected an integer");
}

TEST_CASE("a range of versions whose max is less than its min is an error") {
  CHECK(fault_of(R"({"msg":"Hello","max":1,"min":2})") == "\"max\" is less than \"min\"");
}

TEST_CASE("what is no JSON object is an error") {
  for (const std::string_view json :
       {"[]", "[{\"msg\":\"Goodbye\"}]", "\"Goodbye\"", "7", "-7", "7.5", "null", "true"}) {
    const auto message = parse_message(json);
    REQUIRE_FALSE(message);
    CHECK(message.error().text ==
          fmt::format("cannot understand the message {}: it is not a JSON object", json));
  }
}

TEST_CASE("what is no JSON is an error that says where it breaks") {
  for (const std::string_view json :
       {"", "{", "Goodbye", "{\"msg\":\"Goodbye\"", "{\"msg\":\"Goodbye\"}{",
        "{\"msg\":\"Good\xFFye\"}", "{\"msg\":\"\\ud800\"}", "{\"msg\":NaN}", "{\"msg\":1e999}"}) {
    const auto message = parse_message(json);
    REQUIRE_FALSE(message);
    CHECK(message.error().text.find("it is not JSON from byte ") != std::string::npos);
  }
}

TEST_CASE("an error shows the message escaped and cut at 200 bytes") {
  const auto message = parse_message("\x1B[2J\n" + std::string(1000, 'x'));
  REQUIRE_FALSE(message);
  CHECK(message.error().text == "cannot understand the message \\x1b[2J\\n" +
                                    std::string(195, 'x') +
                                    "… (1005 bytes): it is not JSON from byte 1 on");
}

TEST_CASE("nesting is followed as deep as kMaxJsonDepth and no deeper") {
  const auto nested = [](std::size_t depth) {
    return R"({"msg":"Goodbye","x":)" + repeated("[", depth - 1) + repeated("]", depth - 1) + "}";
  };
  CHECK(parse_message(nested(kMaxJsonDepth)));
  CHECK(parse_message(nested(kMaxJsonDepth + 1)).error().text.ends_with("nested deeper than 32"));
  CHECK_FALSE(parse_message(repeated("{\"tests\":", 7'000'000)));
  CHECK_FALSE(parse_message(repeated("[", 64 << 20)));
}

TEST_CASE("a list of more than kMaxTestIds ids is refused by the reader and by the writer") {
  const std::string ids = repeated("\"\",", kMaxTestIds - 1);
  const std::string start = R"({"msg":"Run","nonce":"1","tests":[)";
  CHECK(parsed<Run>(start + ids + "\"\"]}").tests->size() == kMaxTestIds);
  CHECK(parse_message(start + ids + "\"\",\"\"]}").error().text.ends_with("longer than 2097152"));
  CHECK_FALSE(to_json(Run{TestIds(std::in_place, kMaxTestIds + 1), "1"}));
}

TEST_CASE("a string that is not UTF-8 cannot be sent") {
  CHECK(to_json(Run{{{"a.test", "b\xFF"}}, "1"}).error().text ==
        "cannot send a test id that is not UTF-8: \"b\\xff\"");
  CHECK_FALSE(to_json(List{{{"\xC3"}}, "1"}));
  CHECK(to_json(Done{"\xED\xA0\x80"}).error().text ==
        "cannot send a nonce that is not UTF-8: \"\\xed\\xa0\\x80\"");
}

TEST_CASE("the text of an Error is sent whatever is in it, and cut where it is too long") {
  CHECK(to_json(ErrorMessage{std::nullopt, std::string("a\0b\xFF", 4)}) ==
        "{\"msg\":\"Error\",\"text\":\"a\\u0000b\xEF\xBF\xBD\"}");
  const std::string euros = repeated("€", kMaxErrorText / 3 + 1);
  const auto json = to_json(ErrorMessage{std::nullopt, euros});
  REQUIRE(json);
  CHECK(parsed<ErrorMessage>(*json).text == repeated("€", kMaxErrorText / 3) + "…");
}

TEST_CASE("a nonce is at most kMaxNonceSize bytes long, whoever writes it") {
  const std::string longest(kMaxNonceSize, 'x');
  CHECK(parsed<Pong>(to_json(Pong{longest}).value()) == Pong{longest});
  CHECK(to_json(Pong{longest + "x"})
            .error()
            .text.starts_with("cannot send a nonce of 1048577 bytes, at most 1048576 are allowed"));
  for (const std::string_view msg : {"List", "Run", "Done", "Cancel", "Error", "Ping", "Pong"}) {
    const auto message =
        parse_message(fmt::format(R"({{"msg":"{}","text":"t","nonce":"{}x"}})", msg, longest));
    REQUIRE_FALSE(message);
    CHECK(message.error().text.ends_with("\"nonce\" is longer than 1048576 bytes"));
  }
}
