#include "common/base/receive_buffer.h"

#include <algorithm>
#include <cstring>

namespace subunit {

std::span<std::uint8_t> ReceiveBuffer::prepare(std::size_t least) {
  const std::size_t held = end_ - begin_;
  const bool oversized = capacity_ > usual_capacity_ &&
                         held + least <= (held == 0 ? usual_capacity_ : usual_capacity_ / 2);
  if (held == 0 && !oversized) begin_ = end_ = 0;
  if (capacity_ - end_ < least || oversized) {
    // Moving pays only where it frees as much as it moves: otherwise a long held piece would be
    // moved again and again.
    if (capacity_ - held >= least && begin_ >= held && !oversized) {
      std::memmove(memory_.get(), memory_.get() + begin_, held);
    } else {
      const std::size_t capacity = std::max(usual_capacity_, oversized ? 0 : 2 * held + least);
      auto memory = std::make_unique_for_overwrite<std::uint8_t[]>(capacity);
      if (held > 0) std::memcpy(memory.get(), memory_.get() + begin_, held);
      memory_ = std::move(memory);
      capacity_ = capacity;
    }
    begin_ = 0;
    end_ = held;
  }
  return {memory_.get() + end_, capacity_ - end_};
}

}  // namespace subunit
