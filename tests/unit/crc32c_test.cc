#include <doctest/doctest.h>

#include <random>

#include "common/base/crc.h"

using namespace subunit;

namespace {

/// One bit at a time, as the definition has it.
std::uint32_t slow_crc32c(Bytes bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78 : 0);
  }
  return ~crc;
}

Buffer random_bytes(std::size_t size) {
  std::mt19937 random(1);
  Buffer bytes(size);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

}  // namespace

TEST_CASE("the CRC has the check value of CRC-32C") {
  CHECK(crc32c(as_bytes("123456789")) == 0xE3069283);
  CHECK(crc32c({}) == 0);
  CHECK(crc32c({}, 0x12345678) == 0x12345678);
}

TEST_CASE("CRC-32C is that of the definition, for every size and alignment") {
  const Buffer bytes = random_bytes(120);
  for (std::size_t size = 0; size < 100; ++size) {
    const Bytes range = Bytes(bytes).subspan(size % 17, size);
    CHECK(crc32c(range) == slow_crc32c(range));
  }
}

TEST_CASE("CRC-32C of two pieces goes on from that of the first") {
  const Buffer bytes = random_bytes(100);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut)
    CHECK(crc32c(Bytes(bytes).subspan(cut), crc32c(Bytes(bytes).first(cut))) == crc32c(bytes));
}
