// The examples of common/rpc/WIRE.md say what they show. WIRE_DOCUMENT is its path.

#include <doctest/doctest.h>

#include <charconv>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "common/rpc/announcement.h"
#include "common/rpc/attachment.h"
#include "common/rpc/message.h"
#include "tests/unit/streams.h"

using namespace subunit;
using namespace subunit::rpc;

namespace {

/// A packet, or noise, as the document has it: what it says, and its bytes.
struct Example {
  std::map<std::string, std::string, std::less<>> says = {};  // "status" -> "fail"
  std::string bytes = {};
  std::size_t line = 0;  // where it starts, for a person

  [[nodiscard]] std::optional<std::string_view> operator[](std::string_view name) const {
    const auto found = says.find(name);
    if (found == says.end()) return std::nullopt;
    return found->second;
  }
};

/// What stands in one fenced block.
using Block = std::vector<Example>;

bool is_hex_line(std::string_view line) {
  constexpr std::string_view kHex = "0123456789abcdef";
  return line.size() >= 2 && kHex.find(line[0]) != kHex.npos && kHex.find(line[1]) != kHex.npos &&
         (line.size() == 2 || line[2] == ' ');
}

std::string bytes_of(std::string_view hex_line) {
  std::istringstream numbers(std::string(hex_line.substr(0, hex_line.find('#'))));
  std::string bytes;
  for (int byte = 0; numbers >> std::hex >> byte;) bytes += static_cast<char>(byte);
  CHECK(numbers.eof());
  return bytes;
}

std::vector<Block> blocks() {
  std::ifstream document(WIRE_DOCUMENT);
  REQUIRE(document);
  std::vector<Block> found;
  bool inside = false;
  std::size_t number = 0;
  for (std::string line; std::getline(document, line);) {
    ++number;
    if (line.starts_with("```")) {
      inside = line == "```wire";
      if (inside) found.emplace_back();
    } else if (inside && is_hex_line(line)) {
      REQUIRE_FALSE(found.back().empty());
      found.back().back().bytes += bytes_of(line);
    } else if (inside && !line.empty()) {
      Block& block = found.back();
      if (block.empty() || !block.back().bytes.empty()) block.push_back({.line = number});
      const std::size_t colon = line.find(": ");
      REQUIRE_MESSAGE(colon != line.npos, line);
      block.back().says[line.substr(0, colon)] = line.substr(colon + 2);
    }
  }
  return found;
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (; !text.empty(); text.remove_prefix(1)) {
    if (text.starts_with("\\n")) {
      out += '\n';
      text.remove_prefix(1);
    } else if (text.starts_with("\\x")) {
      out += static_cast<char>(std::stoi(std::string(text.substr(2, 2)), nullptr, 16));
      text.remove_prefix(3);
    } else {
      out += text[0];
    }
  }
  return out;
}

Status status_named(std::string_view name) {
  for (int i = 0; i < 8; ++i) {
    if (name_of(static_cast<Status>(i)) == name) return static_cast<Status>(i);
  }
  FAIL(name);
  return Status::kNone;
}

Timestamp timestamp_of(std::string_view text) {
  Timestamp timestamp{};
  const char* const end = text.data() + text.size();
  const auto seconds = std::from_chars(text.data(), end, timestamp.seconds);
  REQUIRE(*seconds.ptr == '.');
  const auto nanoseconds = std::from_chars(seconds.ptr + 1, end, timestamp.nanoseconds);
  REQUIRE(nanoseconds.ptr - seconds.ptr == 10);
  return timestamp;
}

std::vector<std::string_view> split(std::string_view words) {
  std::vector<std::string_view> found;
  while (!words.empty()) {
    found.push_back(words.substr(0, words.find(' ')));
    words.remove_prefix(std::min(words.size(), found.back().size() + 1));
  }
  return found;
}

/// Who sends messages in the examples, and under which test id.
constexpr std::pair<std::string_view, std::string_view> kSenders[] = {
    {"client", kRpcTestId},
    {"server", kRpcTestId},
    {"proxy", kProxyTestId},
    {"server to proxy", kProxyTestId},
    {"client to proxy", kProxyTestId},
};

/// The part of a message that `example` shows, and whether it ends there.
struct MessagePart {
  std::string_view test_id;
  std::string_view json;
  bool ends;
};

std::optional<MessagePart> message_part(const Example& example) {
  for (const auto& [sender, test_id] : kSenders) {
    const std::string name(sender);
    if (const auto json = example[name]) return MessagePart{test_id, *json, true};
    if (const auto json = example[name + ", begins"]) return MessagePart{test_id, *json, false};
    if (const auto json = example[name + ", ends"]) return MessagePart{test_id, *json, true};
  }
  return std::nullopt;
}

/// The bytes that an encoder makes of what `example` says.
std::string encoded(const Example& example) {
  if (const auto noise = example["noise"]) return unescaped(*noise);
  if (const auto part = message_part(example)) {
    const auto route = example["route code"];
    CHECK(example.says.size() == (route ? 2 : 1));
    return packet({.test_id = part->test_id,
                   .route_code = route,
                   .mime_type = "application/json",
                   .file = File{"message", as_bytes(part->json)},
                   .eof = part->ends});
  }
  Fields fields{.test_id = example["test id"],
                .route_code = example["route code"],
                .mime_type = example["MIME type"],
                .status = status_named(example["status"].value_or("")),
                .eof = example["end of file"] == "yes"};
  const std::string content = unescaped(example["content"].value_or(""));
  if (const auto name = example["file name"]) fields.file = File{*name, as_bytes(content)};
  if (const auto when = example["timestamp"]) fields.timestamp = timestamp_of(*when);
  return packet(fields, split(example["tags"].value_or("")));
}

/// Checks a whole message and returns its "msg".
std::string check_message(std::string_view test_id, std::string_view json) {
  if (test_id == kProxyTestId) {
    const auto announcement = parse_announcement(json);
    REQUIRE_MESSAGE(announcement, announcement.error().text);
    CHECK(to_json(*announcement) == json);
  } else {
    const auto message = parse_message(json);
    REQUIRE_MESSAGE(message, message.error().text);
    CHECK(to_json(*message) == json);
  }
  const std::string_view start = "{\"msg\":\"";
  CHECK(json.starts_with(start));
  return std::string(json.substr(start.size(), json.find('"', start.size()) - start.size()));
}

}  // namespace

TEST_CASE("every wire example in the protocol's document is what the encoder writes") {
  std::size_t examples = 0;
  for (const Block& block : blocks()) {
    for (const Example& example : block) {
      CAPTURE(example.line);
      CHECK(example.bytes == encoded(example));
      ++examples;
    }
  }
  CHECK(examples > 20);
}

TEST_CASE("every wire example in the protocol's document is found by the decoder, bytewise too") {
  for (const Block& block : blocks()) {
    std::string stream;
    std::vector<std::string> pieces;
    for (const Example& example : block) {
      stream += example.bytes;
      pieces.push_back((example["noise"] ? "N" : "P") + example.bytes);
    }
    CAPTURE(block.at(0).line);
    CHECK(decode(stream).pieces == pieces);
    CHECK(decode(stream, 1).pieces == pieces);
  }
}

TEST_CASE("the wire examples in the protocol's document contain every message, as it is parsed") {
  std::set<std::string> seen;
  std::size_t spanning = 0;
  for (const Block& block : blocks()) {
    AttachmentAssembler assembler;
    std::string begun;
    for (const Example& example : block) {
      CAPTURE(example.line);
      const auto part = message_part(example);
      if (!part) continue;
      const auto packet = parse_packet(as_bytes(example.bytes));
      REQUIRE(packet);
      REQUIRE(carries_message(*packet, part->test_id));
      const auto json = assembler.add(*packet);
      REQUIRE(json);
      REQUIRE(json->has_value() == part->ends);
      begun += part->json;
      if (!part->ends) {
        ++spanning;
        continue;
      }
      CHECK(**json == begun);
      seen.insert(check_message(part->test_id, begun));
      begun.clear();
    }
    CHECK(begun.empty());
  }
  CHECK(spanning == 1);
  CHECK(seen == std::set<std::string>{"Hello", "List", "Run", "Done", "Goodbye", "Ready",
                                      "Attached", "Detached", "Refused", "Attach", "Cancel",
                                      "Error", "Ping", "Pong", "Watch", "Alive", "Respawn"});
}

TEST_CASE("Ready stands in the protocol's document with the LF before it") {
  for (const Block& block : blocks()) {
    if (!block.at(0)["noise"]) continue;
    REQUIRE(block.size() == 2);
    CHECK(block[0].bytes == "\n");
    const auto ready = parse_announcement(block[1]["proxy"].value());
    REQUIRE(ready);
    CHECK(std::holds_alternative<Ready>(*ready));
    return;
  }
  FAIL("no example starts with noise");
}
