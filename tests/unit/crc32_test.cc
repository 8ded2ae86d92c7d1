#include <doctest/doctest.h>

#include <random>

#include "common/base/crc.h"

using namespace subunit;

namespace {

/// One bit at a time, as the definition has it.
std::uint32_t slow_crc32(Bytes bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
  }
  return ~crc;
}

Buffer random_bytes(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  Buffer bytes(size);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

void check_tail(Bytes whole, std::size_t tail_size) {
  CAPTURE(tail_size);
  const std::size_t head_size = whole.size() - tail_size;
  CHECK(crc32_of_tail(crc32(whole), crc32(whole.first(head_size)), tail_size) ==
        crc32(whole.last(tail_size)));
}

}  // namespace

TEST_CASE("the CRC has the check value of CRC-32/ISO-HDLC") {
  CHECK(crc32(as_bytes("123456789")) == 0xCBF43926);
  CHECK(crc32({}) == 0);
  CHECK(crc32({}, 0x12345678) == 0x12345678);
}

TEST_CASE("the CRC is that of the definition, for every size and alignment") {
  const Buffer bytes = random_bytes(600, 1);
  for (std::size_t size = 0; size < 550; ++size) {
    const Bytes range = Bytes(bytes).subspan(size % 17, size);
    CHECK(crc32(range) == slow_crc32(range));
  }
}

TEST_CASE("the CRC of two pieces goes on from that of the first") {
  const Buffer bytes = random_bytes(1000, 2);
  for (std::size_t cut = 0; cut <= bytes.size(); cut += 7)
    CHECK(crc32(Bytes(bytes).subspan(cut), crc32(Bytes(bytes).first(cut))) == crc32(bytes));
}

TEST_CASE("the CRC of a tail follows from those of the whole and of the head") {
  const Buffer bytes = random_bytes((1 << 22) + 1000, 3);
  const Bytes all = bytes;
  for (std::size_t size = 0; size <= 1000; ++size) check_tail(all.first(1000), size);
  for (const std::size_t size :
       {255u, 256u, 257u, 65535u, 65536u, 65537u, 4194302u, 4194303u, 4194304u})
    check_tail(all, size);
  std::mt19937 random(4);
  for (int round = 0; round < 150; ++round) {
    const std::size_t whole = random() % (all.size() + 1);
    check_tail(all.first(whole), random() % (whole + 1));
  }
}

TEST_CASE("the CRC of a tail is right up to the largest size allowed") {
  const Buffer bytes = random_bytes(1 << 24, 5);
  check_tail(bytes, (1 << 24) - 1);
}
