#pragma once

#include <memory>

#include "bytes.h"

namespace subunit {

/// A queue of bytes in one contiguous piece, which a reader writes into directly.
///
/// Room is made by moving what is held to the front, and only then by growing. Memory that was
/// never written to is never touched, so a large capacity costs nothing until it is used.
class ReceiveBuffer {
 public:
  /// `capacity`: what to allocate at the first use, and to shrink to after it had to be exceeded.
  explicit ReceiveBuffer(std::size_t capacity) : usual_capacity_(capacity) {}

  /// All writable bytes behind what is held, at least `least` of them. Valid, like every span from
  /// here, until the next call of prepare(): consume() leaves the bytes where they are.
  [[nodiscard]] std::span<std::uint8_t> prepare(std::size_t least);

  /// The first `size` bytes of what prepare() gave have been written.
  void commit(std::size_t size) { end_ += size; }

  [[nodiscard]] Bytes held() const { return {memory_.get() + begin_, end_ - begin_}; }

  /// Gives up the first `size` bytes of what is held.
  void consume(std::size_t size) { begin_ += size; }

 private:
  std::size_t usual_capacity_;
  std::unique_ptr<std::uint8_t[]> memory_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace subunit
