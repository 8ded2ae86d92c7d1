#include <algorithm>
#include <array>

#include "common/sync/piece.h"

namespace subunit::sync {
namespace {

constexpr unsigned kMaxBits = 15;  // of a code

/// A canonical Huffman code (RFC 1951, 3.2.2): how many codes there are of each length, and what
/// they stand for, in their order.
struct Code {
  std::array<std::uint16_t, kMaxBits + 1> count{};
  std::array<std::uint16_t, 288> symbol{};

  /// `lengths`: of the code of each symbol; 0: it has none. An incomplete code is one, too: what it
  /// does not have is found when it comes.
  [[nodiscard]] bool build(Bytes lengths) {
    count = {};
    for (const std::uint8_t length : lengths) ++count[length];
    count[0] = 0;
    std::array<std::uint16_t, kMaxBits + 1> next{};
    int left = 1;
    for (unsigned bits = 1; bits <= kMaxBits; ++bits) {
      left = 2 * left - count[bits];
      if (left < 0) return false;
      next[bits] = static_cast<std::uint16_t>(next[bits - 1] + count[bits - 1]);
    }
    for (std::size_t each = 0; each < lengths.size(); ++each)
      if (lengths[each] != 0) symbol[next[lengths[each]]++] = static_cast<std::uint16_t>(each);
    return true;
  }
};

class Unpacker {
 public:
  Unpacker(Bytes in, std::size_t size, Buffer& out)
      : in_(in), out_(out), begin_(out.size()), end_(out.size() + size) {}

  [[nodiscard]] bool run() {
    for (bool last = false; !last && sound_;) {
      last = bits(1) != 0;
      const unsigned kind = bits(2);
      if (kind == 0) {
        copy_stored();
      } else if (kind == 1) {
        use_fixed_codes();
      } else if (kind == 2) {
        read_codes();
      } else {
        sound_ = false;
      }
    }
    return sound_ && out_.size() == end_;
  }

 private:
  unsigned bits(unsigned count) {
    while (held_ < count) {
      if (in_.empty()) {
        sound_ = false;
        return 0;
      }
      hold_ |= std::uint32_t{in_.front()} << held_;
      held_ += 8;
      in_ = in_.subspan(1);
    }
    const unsigned value = hold_ & ((1U << count) - 1);
    hold_ >>= count;
    held_ -= count;
    return value;
  }

  unsigned decode(const Code& code) {
    unsigned value = 0;
    unsigned first = 0;
    unsigned index = 0;
    for (unsigned length = 1; length <= kMaxBits && sound_; ++length) {
      value |= bits(1);
      const unsigned count = code.count[length];
      if (value < first + count) return code.symbol[index + value - first];
      index += count;
      first = (first + count) << 1;
      value <<= 1;
    }
    sound_ = false;
    return 0;
  }

  void copy_stored() {
    hold_ = held_ = 0;
    const unsigned size = bits(16);
    if ((size ^ bits(16)) != 0xFFFF || size > in_.size() || size > end_ - out_.size()) {
      sound_ = false;
      return;
    }
    append(out_, in_.first(size));
    in_ = in_.subspan(size);
  }

  void use_fixed_codes() {
    std::array<std::uint8_t, 288> lengths;
    for (unsigned each = 0; each < lengths.size(); ++each)
      lengths[each] = each < 144 ? 8 : each < 256 ? 9 : each < 280 ? 7 : 8;
    sound_ = literals_.build(lengths);
    lengths.fill(5);
    sound_ = distances_.build(Bytes(lengths).first(30)) && sound_;
    decode_block();
  }

  void read_codes() {
    static constexpr std::array<std::uint8_t, 19> kOrder = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                            11, 4,  12, 3, 13, 2, 14, 1, 15};
    const unsigned literals = bits(5) + 257;
    const unsigned distances = bits(5) + 1;
    const unsigned all = literals + distances;
    std::array<std::uint8_t, 320> lengths{};
    for (unsigned count = bits(4) + 4, each = 0; each < count; ++each)
      lengths[kOrder[each]] = static_cast<std::uint8_t>(bits(3));
    if (!literals_.build(Bytes(lengths).first(kOrder.size()))) sound_ = false;
    const Code code = literals_;
    lengths.fill(0);
    for (unsigned each = 0; each < all && sound_;) {
      const unsigned symbol = decode(code);
      if (symbol < 16) {
        lengths[each++] = static_cast<std::uint8_t>(symbol);
        continue;
      }
      if (symbol == 16 && each == 0) sound_ = false;
      const std::uint8_t length = symbol == 16 && each > 0 ? lengths[each - 1] : 0;
      unsigned count = symbol == 16 ? 3 + bits(2) : symbol == 17 ? 3 + bits(3) : 11 + bits(7);
      if (count > all - each) sound_ = false;
      for (; count > 0 && sound_; --count) lengths[each++] = length;
    }
    if (!sound_) return;
    sound_ = literals_.build(Bytes(lengths).first(literals)) &&
             distances_.build(Bytes(lengths).subspan(literals, distances));
    decode_block();
  }

  void decode_block() {
    while (sound_) {
      const unsigned symbol = decode(literals_);
      if (!sound_ || symbol == 256) return;
      if (symbol < 256) {
        if (out_.size() == end_) sound_ = false;
        out_.push_back(static_cast<std::uint8_t>(symbol));
        continue;
      }
      const unsigned size = match_size(symbol - 257);
      const unsigned back = match_distance(decode(distances_));
      if (!sound_ || back > out_.size() - begin_ || size > end_ - out_.size()) {
        sound_ = false;
        return;
      }
      for (unsigned each = 0; each < size; ++each) out_.push_back(out_[out_.size() - back]);
    }
  }

  /// RFC 1951, 3.2.5: each power of two of sizes has four codes, and each of distances has two.
  unsigned match_size(unsigned code) {
    if (code > 28) sound_ = false;
    if (code < 8) return code + 3;
    if (code >= 28) return 258;
    const unsigned extra = code / 4 - 1;
    return ((4 + code % 4) << extra) + 3 + bits(extra);
  }

  unsigned match_distance(unsigned code) {
    if (code > 29) sound_ = false;
    if (code < 4 || code > 29) return code + 1;
    const unsigned extra = code / 2 - 1;
    return ((2 + code % 2) << extra) + 1 + bits(extra);
  }

  Bytes in_;
  Buffer& out_;
  const std::size_t begin_;
  const std::size_t end_;
  std::uint32_t hold_ = 0;
  unsigned held_ = 0;
  bool sound_ = true;
  Code literals_;
  Code distances_;
};

}  // namespace

bool unpack_piece(Bytes piece, Buffer& out) {
  if (piece.size() < 2) return false;
  const std::size_t size = load_be16(piece.data());
  return size <= kPieceSize && Unpacker(piece.subspan(2), size, out).run();
}

}  // namespace subunit::sync
