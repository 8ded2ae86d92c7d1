#include "common/rpc/message.h"

#include <nlohmann/json.hpp>

#include "common/base/escape.h"
#include "common/base/utf8.h"
#include "common/rpc/json_fields.h"

namespace subunit {
namespace {

using Json = nlohmann::ordered_json;  // "msg" first: a person who reads the stream looks for it

constexpr std::string_view kNames[] = {"msg", "max", "min", "tests", "nonce", "output", "text"};

Result<> check_text(std::string_view what, std::string_view text) {
  if (scan_utf8(as_bytes(text)).valid == text.size()) return {};
  return error("cannot send a {} that is not UTF-8: \"{}\"", what, escaped(text));
}

Result<> check_nonce(std::string_view nonce) {
  if (nonce.size() <= kMaxNonceSize) return check_text("nonce", nonce);
  return error("cannot send a nonce of {} bytes, at most {} are allowed: \"{}\"", nonce.size(),
               kMaxNonceSize, escaped(nonce));
}

Result<> check(const TestIds& tests, std::string_view nonce) {
  if (tests && tests->size() > kMaxTestIds)
    return error("cannot send {} test ids in one message, at most {} are allowed", tests->size(),
                 kMaxTestIds);
  Result<> result = check_nonce(nonce);
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
  Result<> operator()(const Done& done) const { return check_nonce(done.nonce); }
  Result<> operator()(const Goodbye&) const { return {}; }
  Result<> operator()(const Cancel& cancel) const { return check_nonce(cancel.nonce); }
  Result<> operator()(const ErrorMessage& failure) const {
    return check_nonce(failure.nonce.value_or(""));  // bytes of the text are replaced
  }
  Result<> operator()(const Ping& ping) const { return check_nonce(ping.nonce); }
  Result<> operator()(const Pong& pong) const { return check_nonce(pong.nonce); }
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
  Json operator()(const Cancel& cancel) const {
    return {{"msg", "Cancel"}, {"nonce", cancel.nonce}};
  }
  Json operator()(const ErrorMessage& failure) const {
    Json json{{"msg", "Error"}};
    if (failure.nonce) json["nonce"] = *failure.nonce;
    json["text"] = shortened(failure.text, kMaxErrorText);
    return json;
  }
  Json operator()(const Ping& ping) const { return {{"msg", "Ping"}, {"nonce", ping.nonce}}; }
  Json operator()(const Pong& pong) const { return {{"msg", "Pong"}, {"nonce", pong.nonce}}; }
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
    return fields.result<Message>(List{fields.optional_texts("tests"), fields.nonce()});
  if (msg == "Run")
    return fields.result<Message>(Run{fields.optional_texts("tests"), fields.nonce()});
  if (msg == "Done") return fields.result<Message>(Done{fields.nonce()});
  if (msg == "Goodbye") return fields.result<Message>(Goodbye{});
  if (msg == "Cancel") return fields.result<Message>(Cancel{fields.nonce()});
  if (msg == "Error")
    return fields.result<Message>(ErrorMessage{fields.optional_nonce(), fields.text("text")});
  if (msg == "Ping") return fields.result<Message>(Ping{fields.nonce()});
  if (msg == "Pong") return fields.result<Message>(Pong{fields.nonce()});
  return fields.unknown(msg, "Hello, List, Run, Done, Goodbye, Cancel, Error, Ping or Pong");
}

}  // namespace subunit
