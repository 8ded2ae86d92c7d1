#include "common/sync/contents.h"

#include <algorithm>

namespace subunit::sync {

Buffer encode_selection(const Selection& selection) {
  Buffer out((selection.size() + 7) / 8);
  for (std::size_t each = 0; each < selection.size(); ++each)
    out[each / 8] = static_cast<std::uint8_t>(out[each / 8] | selection[each] << each % 8);
  return out;
}

std::optional<Selection> parse_selection(Bytes bytes, std::size_t count) {
  if (bytes.size() != (count + 7) / 8) return std::nullopt;
  Selection selection(count);
  for (std::size_t each = 0; each < count; ++each)
    selection[each] = bytes[each / 8] >> each % 8 & 1U;
  return selection;
}

std::size_t Contents::next() const {
  std::size_t entry = entry_;
  while (entry < manifest_.size() && wanted_[entry] == 0) ++entry;
  return entry;
}

std::optional<Contents::Part> Contents::take(Bytes& bytes) {
  entry_ = next();
  if (entry_ == manifest_.size()) return std::nullopt;
  const std::uint64_t missing = manifest_[entry_].size - taken_;
  if (bytes.empty() && missing > 0) return std::nullopt;
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(missing, bytes.size()));
  Part part{.entry = entry_, .bytes = bytes.first(size), .last = size == missing};
  bytes = bytes.subspan(size);
  taken_ += size;
  if (part.last) {
    ++entry_;
    taken_ = 0;
  }
  return part;
}

}  // namespace subunit::sync
