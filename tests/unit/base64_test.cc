#include "common/link/frame/base64.h"

#include <doctest/doctest.h>

#include <random>

using namespace subunit;
using namespace subunit::link;

namespace {

std::string encoded(std::string_view text) {
  Buffer out;
  append_base64(as_bytes(text), out);
  return std::string(as_text(out));
}

}  // namespace

TEST_CASE("base 64 is that of RFC 4648, section 5, without padding") {
  CHECK(encoded("") == "");
  CHECK(encoded("f") == "Zg");
  CHECK(encoded("fo") == "Zm8");
  CHECK(encoded("foo") == "Zm9v");
  CHECK(encoded("foobar") == "Zm9vYmFy");
  CHECK(encoded("\xFB\xFF\xBF") == "-_-_");
}

TEST_CASE("every payload comes out of base 64 again") {
  std::mt19937 random(1);
  for (std::size_t size = 0; size < 300; ++size) {
    Buffer bytes(size);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    Buffer text;
    append_base64(bytes, text);
    CHECK(text.size() == base64_size(size));
    Buffer out;
    CHECK(decode_base64(text, out));
    CHECK(out == bytes);
  }
}

TEST_CASE("what append_base64() does not write is refused") {
  for (const std::string_view text : {"A", "AAAAA", "AA==", "Zm9!", "!m9v", "Zm9vZ!", "Zm9vZm!",
                                      "Z\xFFm9", "Zh", "Zm9", "++//"}) {
    CAPTURE(text);
    Buffer out;
    CHECK(!decode_base64(as_bytes(text), out));
  }
}

TEST_CASE("numbers are written with the most significant digit first") {
  Buffer out;
  append_base64_number(1, 4, out);
  append_base64_number(0xFFFFFF, 4, out);
  append_base64_number(0xFFFFFFFF, 6, out);
  CHECK(as_text(out) == "AAAB____D_____");
  CHECK(load_base64_number(Bytes(out).first(4)) == 1);
  CHECK(load_base64_number(Bytes(out).last(6)) == 0xFFFFFFFF);
}
