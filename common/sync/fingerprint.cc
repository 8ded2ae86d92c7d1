#include "common/sync/fingerprint.h"

#include <bit>
#include <cstring>

namespace subunit::sync {

// "SipHash: a fast short-input PRF" (Aumasson, Bernstein 2012), section 2; the form with 128 bits
// is that of the authors' reference code.

void FingerprintBuilder::turn(int rounds) {
  auto [a, b, c, d] = state_;
  for (; rounds > 0; --rounds) {
    a += b;
    b = std::rotl(b, 13) ^ a;
    a = std::rotl(a, 32);
    c += d;
    d = std::rotl(d, 16) ^ c;
    a += d;
    d = std::rotl(d, 21) ^ a;
    c += b;
    b = std::rotl(b, 17) ^ c;
    c = std::rotl(c, 32);
  }
  state_ = {a, b, c, d};
}

void FingerprintBuilder::add_word(std::uint64_t word) {
  state_[3] ^= word;
  turn(2);
  state_[0] ^= word;
}

void FingerprintBuilder::add(Bytes bytes) {
  while (!bytes.empty()) {
    if (size_ % 8 == 0 && bytes.size() >= 8 && std::endian::native == std::endian::little) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes.data(), sizeof word);
      add_word(word);
      size_ += 8;
      bytes = bytes.subspan(8);
      continue;
    }
    word_ |= std::uint64_t{bytes.front()} << (8 * (size_ % 8));
    bytes = bytes.subspan(1);
    if (++size_ % 8 != 0) continue;
    add_word(word_);
    word_ = 0;
  }
}

Fingerprint FingerprintBuilder::finish() {
  add_word(size_ << 56 | word_);
  const auto fold = [this](std::size_t which, std::uint64_t constant) {
    state_[which] ^= constant;
    turn(4);
    return state_[0] ^ state_[1] ^ state_[2] ^ state_[3];
  };
  const std::uint64_t first = fold(2, 0xee);
  return {first, fold(1, 0xdd)};
}

Fingerprint fingerprint(Bytes bytes) {
  FingerprintBuilder builder;
  builder.add(bytes);
  return builder.finish();
}

Buffer encode(const Fingerprint& print) {
  Buffer out;
  append_be64(out, print.first);
  append_be64(out, print.second);
  return out;
}

}  // namespace subunit::sync
