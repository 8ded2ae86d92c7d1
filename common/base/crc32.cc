#include "common/base/crc32.h"

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

}  // namespace subunit
