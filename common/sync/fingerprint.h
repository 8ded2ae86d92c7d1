#pragma once

#include <array>
#include <cstdint>

#include "common/base/bytes.h"

namespace subunit::sync {

/// By what the contents of files are told apart: SipHash-2-4 with 128 bits of output, and a key
/// that is the same everywhere. Two contents have the same one by an accident that does not happen.
/// It does not resist an attack: whoever can choose the files runs them as tests anyway.
struct Fingerprint {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  bool operator==(const Fingerprint&) const = default;
};

/// Of bytes that come in pieces.
class FingerprintBuilder {
 public:
  void add(Bytes bytes);
  [[nodiscard]] Fingerprint finish();

 private:
  void add_word(std::uint64_t word);
  void turn(int rounds);

  // The key is 00, 01 ... 0F, as in the test vectors of the authors. The second one of the
  // constants differs from that of the 64 bit form.
  std::array<std::uint64_t, 4> state_ = {
      0x736f6d6570736575U ^ 0x0706050403020100U, 0x646f72616e646f6dU ^ 0x0f0e0d0c0b0a0908U ^ 0xee,
      0x6c7967656e657261U ^ 0x0706050403020100U, 0x7465646279746573U ^ 0x0f0e0d0c0b0a0908U};
  std::uint64_t word_ = 0;  // bytes that are not eight yet, the first one lowest
  std::uint64_t size_ = 0;
};

[[nodiscard]] Fingerprint fingerprint(Bytes bytes);

/// 16 bytes.
[[nodiscard]] Buffer encode(const Fingerprint& print);

}  // namespace subunit::sync
