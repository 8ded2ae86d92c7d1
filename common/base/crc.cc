#include "common/base/crc.h"

#include <libdeflate.h>

#include <array>
#include <cassert>

namespace subunit {
namespace {

// A CRC is the remainder of a polynomial over GF(2), modulo this one (bits reversed, as all of this
// is: the highest bit is the coefficient of x^0). Appending n bytes multiplies by x^(8n), so what
// the head contributed to `whole` is head * x^(8n), and taking that away leaves the tail.
constexpr std::uint32_t kPolynomial = 0xEDB88320;
constexpr std::uint32_t kOne = 0x80000000;

constexpr std::uint32_t multiply(std::uint32_t a, std::uint32_t b) {
  std::uint32_t product = 0;
  for (int i = 0; i < 32; ++i) {
    product ^= b & (0u - (a >> 31));
    a <<= 1;
    b = (b >> 1) ^ (kPolynomial & (0u - (b & 1)));
  }
  return product;
}

// kPower[j][d] is x^(8 * d * 256^j): three look-ups give the factor for any 24-bit size.
constexpr auto kPower = [] {
  std::array<std::array<std::uint32_t, 256>, 3> power{};
  std::uint32_t step = kOne >> 8;  // x^8
  for (auto& row : power) {
    std::uint32_t value = kOne;
    for (std::uint32_t& entry : row) {
      entry = value;
      value = multiply(value, step);
    }
    step = value;
  }
  return power;
}();

}  // namespace

std::uint32_t crc32(Bytes bytes, std::uint32_t head) {
  // libdeflate takes a null pointer as the request for the first value, which is 0.
  return bytes.empty() ? head : libdeflate_crc32(head, bytes.data(), bytes.size());
}

std::uint32_t crc32_of_tail(std::uint32_t whole, std::uint32_t head, std::size_t tail_size) {
  assert(tail_size < 1u << 24);
  const std::uint32_t factor =
      multiply(multiply(kPower[0][tail_size & 0xFF], kPower[1][tail_size >> 8 & 0xFF]),
               kPower[2][tail_size >> 16]);
  return whole ^ multiply(head, factor);
}

namespace {

constexpr std::uint32_t kCastagnoli = 0x82F63B78;  // the lowest bit is the coefficient of x^31

// Its [k][b] is what byte b contributes when k more bytes follow: eight bytes are taken
// at once, with eight look-ups that do not wait for each other.
//
// It is made when it is needed: 8 kB in a binary that does not become smaller by compression.
auto make_castagnoli_table() {
  std::array<std::array<std::uint32_t, 256>, 8> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (kCastagnoli & (0u - (crc & 1)));
    table[0][byte] = crc;
  }
  for (std::size_t more = 1; more < 8; ++more)
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t crc = table[more - 1][byte];
      table[more][byte] = crc >> 8 ^ table[0][crc & 0xFF];
    }
  return table;
}

std::uint32_t load_le32(const std::uint8_t* p) {
  return static_cast<std::uint32_t>(p[3]) << 24 | static_cast<std::uint32_t>(p[2]) << 16 |
         static_cast<std::uint32_t>(p[1]) << 8 | p[0];
}

}  // namespace

std::uint32_t crc32c(Bytes bytes, std::uint32_t head) {
  static const auto table = make_castagnoli_table();
  std::uint32_t crc = ~head;
  const std::uint8_t* p = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, p += 8) {
    const std::uint32_t low = crc ^ load_le32(p);
    const std::uint32_t high = load_le32(p + 4);
    crc = table[7][low & 0xFF] ^ table[6][low >> 8 & 0xFF] ^ table[5][low >> 16 & 0xFF] ^
          table[4][low >> 24] ^ table[3][high & 0xFF] ^ table[2][high >> 8 & 0xFF] ^
          table[1][high >> 16 & 0xFF] ^ table[0][high >> 24];
  }
  for (; left > 0; --left, ++p) crc = crc >> 8 ^ table[0][(crc ^ *p) & 0xFF];
  return ~crc;
}

}  // namespace subunit
