#pragma once

// Internal to this folder: how the decoder stays linear on hostile input.

#include <array>
#include <cstdint>
#include <vector>

#include "common/base/bytes.h"

namespace subunit {

/// Answers for any range of a run of bytes, in a time that hardly depends on its size: what is its
/// CRC-32, is it text. A flood of forged headers, each claiming megabytes of the same bytes, then
/// costs one pass over these bytes and a short look-up for each header.
///
/// Every byte is read once, when cover() sees it first. For each block of 256 bytes the index
/// keeps the CRC of everything before it and which of its bytes belong to no character.
class RangeIndex {
 public:
  /// Brings the index up to date: ranges can be taken of `held`, which starts `position` bytes from
  /// the start of the stream, until the next call of any function that is not const. What earlier
  /// calls covered is not read again.
  void cover(Bytes held, std::uint64_t position);

  /// The first `size` bytes of `held` are about to go away. To be called while the index is not
  /// empty, with `held` and `position` as for cover().
  void forget(Bytes held, std::uint64_t position, std::size_t size);

  [[nodiscard]] bool empty() const { return blocks_.empty(); }

  /// CRC-32 of a range of what is held.
  [[nodiscard]] std::uint32_t crc(Bytes range) const;

  /// As DirectRanges::is_text().
  [[nodiscard]] bool is_text(Bytes range, bool whole) const;

 private:
  static constexpr std::size_t kBlockSize = 256;

  struct Block {
    std::uint32_t crc = 0;         // of everything before this block
    std::uint32_t bad_before = 0;  // bytes before this block that belong to no character
    std::array<std::uint64_t, kBlockSize / 64> bad{};  // and which of its own, one bit a byte
  };

  void extend_crc();
  void extend_text();
  [[nodiscard]] Bytes held_from(std::size_t offset) const {
    return held_.subspan(offset - held_at_);
  }
  [[nodiscard]] std::size_t offset_of(const std::uint8_t* p) const {
    return held_at_ + static_cast<std::size_t>(p - held_.data());
  }
  [[nodiscard]] std::uint32_t crc_before(std::size_t offset) const;
  [[nodiscard]] std::uint32_t bad_before(std::size_t offset) const;

  // Offsets count from where the first block starts.
  std::uint64_t start_ = 0;  // position of that in the stream
  Bytes held_;
  std::size_t held_at_ = 0;     // offset of held_
  std::uint32_t held_crc_ = 0;  // of everything before held_: its block may have lost its start
  std::size_t crc_end_ = 0;     // offset up to which CRCs are known
  std::uint32_t crc_ = 0;       // of everything before that
  std::size_t text_end_ = 0;    // the same for text: up to three bytes less
  std::vector<Block> blocks_;
};

}  // namespace subunit
