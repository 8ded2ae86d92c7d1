#include "common/link/frame/dense_code.h"

#include <doctest/doctest.h>

#include <random>

using namespace subunit;
using namespace subunit::link;

namespace {

/// All bytes pass but `count` of those that could.
ByteSet passing_all_but(std::size_t count) {
  ByteSet passes;
  passes.set();
  for (std::size_t byte = 0; byte < 256 && count > 0; ++byte) {
    if (never_sent()[byte] || (byte >= 0x2D && byte <= 0x7D)) continue;
    passes.reset(byte);
    --count;
  }
  return passes;
}

Buffer random_bytes(std::size_t size) {
  std::mt19937 random(1);
  Buffer bytes(size);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

}  // namespace

TEST_CASE("every payload comes out of the denser code again") {
  const Buffer payload = random_bytes(5000);
  for (const std::size_t harmed : {0u, 10u, 36u}) {
    const auto code = DenseCode::create(passing_all_but(harmed));
    REQUIRE(code);
    Buffer text{0x55};
    code->encode(payload, text);
    CHECK(text.size() == 1 + code->size(payload));
    Buffer out{0xAA};
    CHECK(code->decode(Bytes(text).subspan(1), out));
    REQUIRE(out.size() == 1 + payload.size());
    CHECK(std::equal(payload.begin(), payload.end(), out.begin() + 1));
  }
}

TEST_CASE("only bytes that pass are sent, and none of the list") {
  const ByteSet passes = passing_all_but(20);
  const auto code = DenseCode::create(passes);
  REQUIRE(code);
  Buffer text;
  code->encode(random_bytes(5000), text);
  for (const std::uint8_t byte : text) {
    CHECK(passes[byte]);
    CHECK(!never_sent()[byte]);
  }
}

TEST_CASE("the denser code is 8 to 11 % longer than random payload") {
  const auto code = DenseCode::create(passing_all_but(0));
  REQUIRE(code);
  const Buffer payload = random_bytes(100000);
  CHECK(code->size(payload) > 108000);
  CHECK(code->size(payload) < 112000);
}

TEST_CASE(
    "there is no denser code where more than 64 bytes would be escaped, or 7D does not pass") {
  CHECK(never_sent().count() == 27);
  CHECK(DenseCode::create(passing_all_but(36)));
  CHECK(!DenseCode::create(passing_all_but(37)));
  ByteSet passes = passing_all_but(0);
  passes.reset(0x7D);
  CHECK(!DenseCode::create(passes));
}

TEST_CASE("escapes are numbered in the order of the bytes that they stand for") {
  const auto code = DenseCode::create(passing_all_but(0));
  REQUIRE(code);
  const Buffer payload{0x01, 0x03, 0x7D, 0xFF, 'x', 0x00};
  Buffer text;
  code->encode(payload, text);
  // 01 is the first of 28, 7D the one behind 14 control bytes, '#' and '&', FF the last.
  CHECK(as_text(text) == std::string_view("}A}B}Q}bx\0", 10));
}

TEST_CASE("as much fits as takes the room, and no more") {
  const auto code = DenseCode::create(passing_all_but(0));
  REQUIRE(code);
  const Buffer payload = random_bytes(200);
  for (std::size_t most = 0; most < 500; ++most) {
    const std::size_t fits = code->fitting(payload, most);
    CHECK(code->size(Bytes(payload).first(fits)) <= most);
    if (fits < payload.size()) CHECK(code->size(Bytes(payload).first(fits + 1)) > most);
  }
}

TEST_CASE("what is not in the denser code is refused") {
  const auto code = DenseCode::create(passing_all_but(0));
  REQUIRE(code);
  Buffer out;
  for (const std::string_view text : {"a}", "a}!", "a}c", "a\x03", "#", "~", "}}"})
    CHECK(!code->decode(as_bytes(text), out));
  out.clear();
  CHECK(code->decode(as_bytes("a}Ab"), out));
  CHECK(as_text(out) ==
        "a\x01"
        "b");
}
