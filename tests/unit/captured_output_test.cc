#include "common/subunit/captured_output.h"

#include <doctest/doctest.h>

#include <map>
#include <random>

#include "common/base/text.h"
#include "tests/unit/streams.h"

using namespace subunit;

namespace {

struct Files {
  std::map<std::string, std::string> content;  // by "test/file"
  std::map<std::string, std::string> type;
};

Files files_in(const Buffer& packets) {
  Files files;
  Decoder decoder;
  decoder.receive(packets, Time(0));
  while (const auto event = decoder.next_event()) {
    const Packet& packet = std::get<Packet>(*event);
    const std::string key = fmt::format("{}/{}", packet.test_id.value_or("-"), packet.file->name);
    files.content[key] += as_text(packet.file->content);
    files.type[key] = packet.mime_type.value_or("");
  }
  return files;
}

constexpr std::string_view kText = "text/plain;charset=utf8";
constexpr std::string_view kRaw = "text/plain;charset=iso8859-1";

}  // namespace

TEST_CASE("output belongs to the test that was named last, or to none") {
  CapturedOutput output("stdout");
  Buffer packets;
  output.add(as_bytes("before "), packets);
  output.attribute("a", packets);
  output.add(as_bytes("during"), packets);
  output.attribute(std::nullopt, packets);
  output.add(as_bytes("after"), packets);
  const Files files = files_in(packets);
  CHECK(files.content ==
        std::map<std::string, std::string>{{"-/stdout", "before after"}, {"a/stdout", "during"}});
}

TEST_CASE("from the first byte that is not UTF-8 the output of a test is labelled Latin-1") {
  CapturedOutput output("stderr");
  Buffer packets;
  output.attribute("a", packets);
  output.add(as_bytes("caf\xC3\xA9 caf\xE9 caf\xC3\xA9"), packets);
  output.attribute("b", packets);
  output.add(as_bytes("fine"), packets);
  const Files files = files_in(packets);
  CHECK(files.content.at("a/stderr") == "caf\xC3\xA9 caf");
  CHECK(files.type.at("a/stderr") == kText);
  CHECK(files.content.at("a/stderr.raw") == "\xE9 caf\xC3\xA9");
  CHECK(files.type.at("a/stderr.raw") == kRaw);
  CHECK(files.content.at("b/stderr") == "fine");
}

TEST_CASE(
    "a character that is cut between two writes is put together, and one that stays cut is raw") {
  CapturedOutput output("stdout");
  Buffer packets;
  output.attribute("a", packets);
  output.add(as_bytes("\xE2"), packets);
  output.add(as_bytes("\x9C"), packets);
  output.add(as_bytes("\x93\xE2\x9C"), packets);
  output.attribute("b", packets);
  const Files files = files_in(packets);
  CHECK(files.content.at("a/stdout") == "\xE2\x9C\x93");
  CHECK(files.content.at("a/stdout.raw") == "\xE2\x9C");
}

TEST_CASE("output beyond the size of a file goes on in the next, cut between characters") {
  const std::string_view character = "\xE2\x9C\x93";
  std::string written;
  while (written.size() < 2 * CapturedOutput::kMaxFileSize + 100) written += character;
  for (const std::size_t step : {std::size_t{65536}, written.size()}) {
    CapturedOutput output("stdout");
    Buffer packets;
    output.attribute("a", packets);
    for (std::size_t at = 0; at < written.size(); at += step)
      output.add(as_bytes(std::string_view(written).substr(at, step)), packets);
    const Files files = files_in(packets);
    CHECK(files.content.size() == 3);
    CHECK(files.content.at("a/stdout") + files.content.at("a/stdout-2") +
              files.content.at("a/stdout-3") ==
          written);
    for (const auto& [name, content] : files.content) {
      CHECK(content.size() <= CapturedOutput::kMaxFileSize);
      CHECK(content.size() % character.size() == 0);
    }
  }
}

TEST_CASE("whatever is written, in whatever pieces, every byte comes out in order") {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    CapturedOutput output("stdout");
    Buffer packets;
    std::string written;
    for (int piece = 0; piece < 20; ++piece) {
      std::string bytes;
      for (auto size = random() % 30; size > 0; --size)
        bytes += random() % 20 == 0 ? static_cast<char>(random())
                                    : static_cast<char>('a' + random() % 26);
      if (random() % 4 == 0) bytes += "\xC3\xA9";
      if (random() % 8 == 0) bytes += "\xE2\x82";
      output.add(as_bytes(bytes), packets);
      written += bytes;
    }
    output.flush(packets);
    const Files files = files_in(packets);
    std::string all;
    for (const auto& [name, content] : files.content)
      all += content;  // "stdout" before "stdout.raw"
    CHECK(all == written);
    if (files.content.contains("-/stdout"))
      CHECK(scan_utf8(as_bytes(files.content.at("-/stdout"))).valid ==
            files.content.at("-/stdout").size());
  }
}

TEST_CASE("output of one of several servers carries its route code in every packet") {
  CapturedOutput output("stdout", "3");
  Buffer packets;
  output.add(as_bytes("caf\xc3"), packets);
  output.attribute("a.test", packets);
  output.add(as_bytes("\xe9\n"), packets);
  output.flush(packets);
  Decoder decoder;
  decoder.receive(packets, Time(0));
  int count = 0;
  for (; const auto event = decoder.next_event(); ++count)
    CHECK(std::get<Packet>(*event).route_code == "3");
  CHECK(count == 3);
}
