#include "common/base/crc32c.h"

#include <array>

namespace subunit {
namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78;  // the lowest bit is the coefficient of x^31

// kTable[k][b] is what byte b contributes when k more bytes follow: eight bytes are taken at once,
// with eight look-ups that do not wait for each other.
constexpr auto kTable = [] {
  std::array<std::array<std::uint32_t, 256>, 8> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (kPolynomial & (0u - (crc & 1)));
    table[0][byte] = crc;
  }
  for (std::size_t more = 1; more < 8; ++more)
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t crc = table[more - 1][byte];
      table[more][byte] = crc >> 8 ^ table[0][crc & 0xFF];
    }
  return table;
}();

std::uint32_t load_le32(const std::uint8_t* p) {
  return static_cast<std::uint32_t>(p[3]) << 24 | static_cast<std::uint32_t>(p[2]) << 16 |
         static_cast<std::uint32_t>(p[1]) << 8 | p[0];
}

}  // namespace

std::uint32_t crc32c(Bytes bytes, std::uint32_t head) {
  std::uint32_t crc = ~head;
  const std::uint8_t* p = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, p += 8) {
    const std::uint32_t low = crc ^ load_le32(p);
    const std::uint32_t high = load_le32(p + 4);
    crc = kTable[7][low & 0xFF] ^ kTable[6][low >> 8 & 0xFF] ^ kTable[5][low >> 16 & 0xFF] ^
          kTable[4][low >> 24] ^ kTable[3][high & 0xFF] ^ kTable[2][high >> 8 & 0xFF] ^
          kTable[1][high >> 16 & 0xFF] ^ kTable[0][high >> 24];
  }
  for (; left > 0; --left, ++p) crc = crc >> 8 ^ kTable[0][(crc ^ *p) & 0xFF];
  return ~crc;
}

}  // namespace subunit
