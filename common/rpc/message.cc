#include "common/rpc/message.h"

#include <nlohmann/json.hpp>

#include "common/base/escape.h"
#include "common/base/utf8.h"
#include "common/rpc/json_fields.h"

namespace subunit {
namespace {

using Json = nlohmann::ordered_json;  // "msg" first: a person who reads the stream looks for it

constexpr std::string_view kNames[] = {"msg", "max", "min", "tests", "nonce", "output"};

Result<> check_text(std::string_view what, std::string_view text) {
  if (scan_utf8(as_bytes(text)).valid == text.size()) return {};
  return error("cannot send a {} that is not UTF-8: \"{}\"", what, escaped(text));
}

Result<> check(const TestIds& tests, std::string_view nonce) {
  if (tests && tests->size() > kMaxTestIds)
    return error("cannot send {} test ids in one message, at most {} are allowed", tests->size(),
                 kMaxTestIds);
  Result<> result = check_text("nonce", nonce);
  if (!tests) return result;
  for (const std::string& test : *tests) {
    if (result) result = check_text("test id", test);
  }
  return result;
}

struct Checker {
  Result<> operator()(const Hello& hello) const {
    return check_text("word on output", hello.output.value_or(""));
  }
  Result<> operator()(const List& list) const { return check(list.tests, list.nonce); }
  Result<> operator()(const Run& run) const { return check(run.tests, run.nonce); }
  Result<> operator()(const Done& done) const { return check_text("nonce", done.nonce); }
  Result<> operator()(const Goodbye&) const { return {}; }
};

Json question(std::string_view msg, const TestIds& tests, const std::string& nonce) {
  Json json{{"msg", msg}};
  if (tests) json["tests"] = *tests;
  json["nonce"] = nonce;
  return json;
}

struct Writer {
  Json operator()(const Hello& hello) const {
    Json json{{"msg", "Hello"}, {"max", hello.versions.max}, {"min", hello.versions.min}};
    if (hello.output) json["output"] = *hello.output;
    return json;
  }
  Json operator()(const List& list) const { return question("List", list.tests, list.nonce); }
  Json operator()(const Run& run) const { return question("Run", run.tests, run.nonce); }
  Json operator()(const Done& done) const { return {{"msg", "Done"}, {"nonce", done.nonce}}; }
  Json operator()(const Goodbye&) const { return {{"msg", "Goodbye"}}; }
};

}  // namespace

Result<std::string> to_json(const Message& message) {
  return std::visit(Checker{}, message).map([&] {
    return std::visit(Writer{}, message).dump(-1, ' ', false, Json::error_handler_t::replace);
  });
}

Result<Message> parse_message(std::string_view json) {
  JsonFields fields(json, kNames);
  const std::string msg = fields.text("msg");
  if (msg == "Hello")
    return fields.result<Message>(Hello{fields.versions(), fields.optional_text("output")});
  if (msg == "List")
    return fields.result<Message>(List{fields.optional_texts("tests"), fields.text("nonce")});
  if (msg == "Run")
    return fields.result<Message>(Run{fields.optional_texts("tests"), fields.text("nonce")});
  if (msg == "Done") return fields.result<Message>(Done{fields.text("nonce")});
  if (msg == "Goodbye") return fields.result<Message>(Goodbye{});
  return fields.unknown(msg, "Hello, List, Run, Done or Goodbye");
}

}  // namespace subunit
