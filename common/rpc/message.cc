#include "common/rpc/message.h"

#include <algorithm>

#include "common/base/json.h"
#include "common/base/text.h"
#include "common/rpc/json_fields.h"

namespace subunit::rpc {

namespace {

std::string named(VersionRange versions) {
  if (versions.max == versions.min) return fmt::format("version {}", versions.max);
  return fmt::format("versions {} to {}", versions.min, versions.max);
}

}  // namespace

Result<int> negotiate(VersionRange ours, VersionRange theirs) {
  const int version = std::min(ours.max, theirs.max);
  if (version >= std::max(ours.min, theirs.min)) return version;
  return error("no version of the protocol in common: this side speaks {}, the other {}",
               named(ours), named(theirs));
}
namespace {

constexpr std::string_view kNames[] = {"msg",   "max",    "min",  "tests",
                                       "nonce", "output", "text", "batch"};

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

/// "msg" first: a person who reads the stream looks for it.
JsonObject named(std::string_view msg) {
  return JsonObject().add("msg", msg);
}

struct Writer {
  JsonObject operator()(const Hello& hello) const {
    return named("Hello")
        .add("max", hello.versions.max)
        .add("min", hello.versions.min)
        .add("output", hello.output)
        .add("batch", hello.batch);
  }
  JsonObject operator()(const List& list) const {
    return named("List").add("tests", list.tests).add("nonce", list.nonce);
  }
  JsonObject operator()(const Run& run) const {
    return named("Run").add("tests", run.tests).add("nonce", run.nonce);
  }
  JsonObject operator()(const Done& done) const { return named("Done").add("nonce", done.nonce); }
  JsonObject operator()(const Goodbye&) const { return named("Goodbye"); }
  JsonObject operator()(const Cancel& cancel) const {
    return named("Cancel").add("nonce", cancel.nonce);
  }
  JsonObject operator()(const ErrorMessage& failure) const {
    return named("Error")
        .add("nonce", failure.nonce)
        .add("text", shortened(failure.text, kMaxErrorText));
  }
  JsonObject operator()(const Ping& ping) const { return named("Ping").add("nonce", ping.nonce); }
  JsonObject operator()(const Pong& pong) const { return named("Pong").add("nonce", pong.nonce); }
};

}  // namespace

Result<std::string> to_json(const Message& message) {
  return std::visit(Checker{}, message).map([&] { return std::visit(Writer{}, message).text(); });
}

Result<Message> parse_message(std::string_view json) {
  JsonFields fields(json, kNames);
  const std::string msg = fields.text("msg");
  if (msg == "Hello")
    return fields.result<Message>(
        Hello{fields.versions(), fields.optional_text("output"), fields.optional_integer("batch")});
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

}  // namespace subunit::rpc
