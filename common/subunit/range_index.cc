#include "common/subunit/range_index.h"

#include <algorithm>
#include <bit>

#include "common/base/crc.h"
#include "common/base/text.h"

namespace subunit {

// Looking at so few bytes is faster than looking them up.
constexpr std::size_t kShort = 16;

void RangeIndex::cover(Bytes held, std::uint64_t position) {
  if (blocks_.empty()) {
    blocks_.emplace_back();
    start_ = position;
    crc_end_ = text_end_ = 0;
    crc_ = held_crc_ = 0;
  }
  held_ = held;
  held_at_ = static_cast<std::size_t>(position - start_);
  if (crc_end_ == held_at_ + held.size()) return;
  extend_crc();
  extend_text();
}

void RangeIndex::forget(Bytes held, std::uint64_t position, std::size_t size) {
  held_ = held;
  held_at_ = static_cast<std::size_t>(position - start_);
  const std::size_t offset = held_at_ + size;
  if (offset > crc_end_) {  // a gap would follow; the next need for the index starts it afresh
    blocks_.clear();
    return;
  }
  held_crc_ = crc_before(offset);
  held_ = held.subspan(size);
  held_at_ = offset;
  // Dropping a block moves all that follow; doing it rarely keeps that linear.
  const std::size_t stale = offset / kBlockSize;
  if (stale < blocks_.size() / 2 || stale == 0) return;
  blocks_.erase(blocks_.begin(), blocks_.begin() + static_cast<std::ptrdiff_t>(stale));
  const std::size_t gone = stale * kBlockSize;
  start_ += gone;
  held_at_ -= gone;
  crc_end_ -= gone;
  text_end_ -= std::min(gone, text_end_);
}

void RangeIndex::extend_crc() {
  for (Bytes fresh = held_from(crc_end_); !fresh.empty();) {
    const Bytes piece = fresh.first(std::min(fresh.size(), kBlockSize - crc_end_ % kBlockSize));
    crc_ = crc32(piece, crc_);
    crc_end_ += piece.size();
    if (crc_end_ % kBlockSize == 0) blocks_.push_back(Block{.crc = crc_});
    fresh = fresh.subspan(piece.size());
  }
}

void RangeIndex::extend_text() {
  text_end_ = std::max(text_end_, held_at_);
  const std::size_t first = text_end_ / kBlockSize;
  while (text_end_ < crc_end_) {
    const Bytes rest = held_from(text_end_);
    const Utf8Scan scan = scan_text(rest);
    text_end_ += scan.valid;
    if (scan.valid == rest.size() || scan.cut) break;
    blocks_[text_end_ / kBlockSize].bad[text_end_ % kBlockSize / 64] |= 1ull << text_end_ % 64;
    ++text_end_;
  }
  for (std::size_t i = first + 1; i < blocks_.size(); ++i) {
    const Block& before = blocks_[i - 1];
    blocks_[i].bad_before = before.bad_before;
    for (const std::uint64_t word : before.bad) blocks_[i].bad_before += std::popcount(word);
  }
}

std::uint32_t RangeIndex::crc_before(std::size_t offset) const {
  const std::size_t block = offset / kBlockSize * kBlockSize;
  const std::size_t from = std::max(block, held_at_);
  const std::uint32_t head = from == block ? blocks_[block / kBlockSize].crc : held_crc_;
  return crc32(held_from(from).first(offset - from), head);
}

std::uint32_t RangeIndex::bad_before(std::size_t offset) const {
  const Block& block = blocks_[offset / kBlockSize];
  std::uint32_t count = block.bad_before;
  const std::size_t within = offset % kBlockSize;
  for (std::size_t i = 0; i < within / 64; ++i) count += std::popcount(block.bad[i]);
  const std::uint64_t below = (1ull << within % 64) - 1;
  return count + std::popcount(block.bad[within / 64] & below);
}

std::uint32_t RangeIndex::crc(Bytes range) const {
  const std::size_t begin = offset_of(range.data());
  return crc32_of_tail(crc_before(begin + range.size()), crc_before(begin), range.size());
}

bool RangeIndex::is_text(Bytes range, bool whole) const {
  if (range.size() <= kShort) {
    const Utf8Scan scan = scan_text(range);
    return scan.valid == range.size() || (!whole && scan.cut);
  }
  // A byte that does not continue a character starts one, whatever stands before it. So from there
  // on the marks hold for this range too, up to its last character, which the range may cut.
  if ((range[0] & 0xC0) == 0x80) return false;
  const std::size_t begin = offset_of(range.data());
  std::size_t last = range.size() - 1;
  for (int i = 0; i < 3 && (range[last] & 0xC0) == 0x80; ++i) --last;
  if (bad_before(begin + last) != bad_before(begin)) return false;
  const Utf8Scan scan = scan_text(range.subspan(last));
  return scan.valid == range.size() - last || (!whole && scan.cut);
}

}  // namespace subunit
