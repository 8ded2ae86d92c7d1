#include "common/link/frame/frame_text.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

#include "tests/unit/armour.h"

using namespace subunit;
using namespace subunit::link;
using namespace std::string_literals;

namespace {

Buffer random_bytes(std::mt19937& random, std::size_t size) {
  Buffer bytes(size);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

DenseCode dense_code(const ByteSet& harmed = {}) {
  const auto code = DenseCode::create(~harmed);
  REQUIRE(code);
  return *code;
}

/// The code of least and of most escapes.
std::vector<DenseCode> dense_codes() {
  ByteSet harmed;
  for (std::size_t byte = 0xC0; byte < 0xC0 + 64 - 28; ++byte) harmed.set(byte);
  return {dense_code(), dense_code(harmed)};
}

std::string dense_text(Bytes body, const DenseCode& code) {
  Buffer out;
  encode_dense_frame({.type = Frame::Type::kDense, .body = body}, code, out);
  return std::string(as_text(out));
}

void check_is_never_sent_only_at_the_ends(std::string_view frame) {
  REQUIRE(frame.substr(0, 2) == "#%");
  REQUIRE(frame.back() == '\n');
  for (const char c : frame.substr(1, frame.size() - 2))
    CHECK(!never_sent()[static_cast<std::uint8_t>(c)]);
}

}  // namespace

TEST_CASE("the examples of LINK.md are what is written") {
  CHECK(frame_text({.type = Frame::Type::kData,
                    .session = 1,
                    .sequence = 2,
                    .acknowledged = 0xFFFFFF,
                    .body = as_bytes("any body")}) == "#%dAAABAAAC____ALYW55IGJvZHkAUT4pI;\n");
  Buffer dense;
  encode_dense_frame({.type = Frame::Type::kDense,
                      .direction = Frame::Direction::kToClient,
                      .session = 1,
                      .sequence = 3,
                      .body = as_bytes("line\n}~")},
                     dense_code(), dense);
  CHECK(as_text(dense) == "#%EAAABAAADAAAAAKline}E}Q}RCDUIN5;\n");
}

TEST_CASE("a frame is as long as kFrameOverhead and its body in base 64") {
  std::mt19937 random(1);
  for (std::size_t size = 0; size <= kMaxBody; size += size < 10 ? 1 : 299) {
    const std::string frame = frame_text({.body = random_bytes(random, size)});
    CHECK(frame.size() == kFrameOverhead + (size * 4 + 2) / 3);
  }
  CHECK(frame_text({.body = random_bytes(random, kMaxBody)}).size() ==
        kFrameOverhead + kMaxBodyText);
  CHECK(frame_text({.body = random_bytes(random, kMaxEarlyBody)}).size() <= 252);
}

TEST_CASE("no byte of the list ever leaves but for the marks and the ends of frames") {
  std::mt19937 random(2);
  Buffer every(256);
  for (std::size_t byte = 0; byte < 256; ++byte) every[byte] = static_cast<std::uint8_t>(byte);
  for (int round = 0; round < 50; ++round) {
    const Frame frame{.session = static_cast<std::uint32_t>(random() % kFrameNumbers),
                      .sequence = static_cast<std::uint32_t>(random() % kFrameNumbers),
                      .acknowledged = static_cast<std::uint32_t>(random() % kFrameNumbers),
                      .body = every};
    check_is_never_sent_only_at_the_ends(frame_text(frame));
    for (const DenseCode& code : dense_codes())
      check_is_never_sent_only_at_the_ends(dense_text(every, code));
    std::shuffle(every.begin(), every.end(), random);
  }
}

TEST_CASE("dense frames come out again, whatever the line puts between their characters") {
  std::mt19937 random(3);
  for (const DenseCode& code : dense_codes())
    for (const std::size_t size : {0u, 1u, 200u, 1900u}) {
      const Buffer body = random_bytes(random, size);
      const std::string frame = dense_text(body, code);
      for (const std::string& between : {""s, "\r\n"s, "\x11"s, "\x13\x11"s, "\r"s}) {
        std::string stream;
        for (const char c : frame) stream += c == '\n' ? std::string(1, c) : between + c;
        for (const std::size_t step : {std::size_t{1}, std::size_t{100}, stream.size()}) {
          FrameReader reader;
          reader.set_dense_code(code);
          const Heard heard = hear_pieces(reader, stream, [step] { return step; });
          CHECK(heard.frames() == std::vector{std::string(as_text(body))});
          CHECK(heard.noise() == between);
        }
      }
    }
}

TEST_CASE("a dense frame that is damaged, or in a code that is not known, costs no other") {
  std::mt19937 random(4);
  const DenseCode code = dense_code();
  const std::string frame = dense_text(random_bytes(random, 100), code);
  const std::string other = frame_of("other");
  FrameReader unknowing;
  CHECK(hear_pieces(unknowing, frame + other, [] { return 1000; }).pieces ==
        std::vector{"D" + frame, "Fother"s});
  for (std::size_t at = 2; at + 2 < frame.size(); ++at) {
    FrameReader reader;
    reader.set_dense_code(code);
    std::string damaged = frame;
    damaged.insert(at, "[    1.0000] kernel\r\n");
    const Heard heard = hear_pieces(reader, damaged + other, [&] { return 1 + random() % 50; });
    CHECK(heard.frames() == std::vector{"other"s});
    CHECK(heard.noise() == damaged);
  }
}

TEST_CASE("a kernel line in the mark of a dense frame, or behind its end, does not harm it") {
  const DenseCode code = dense_code();
  const std::string body = "some body";
  const std::string frame = dense_text(as_bytes(body), code);
  for (const std::size_t at : {std::size_t{0}, std::size_t{1}, frame.size() - 1, frame.size()}) {
    FrameReader reader;
    reader.set_dense_code(code);
    std::string torn = frame;
    torn.insert(at, "[    1.0000] kernel\r\n");
    const Heard heard = hear_pieces(reader, torn, [] { return 1; });
    CHECK(heard.frames() == std::vector{body});
    CHECK(heard.noise() == "[    1.0000] kernel\r\n");
  }
}
