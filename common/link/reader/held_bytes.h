#pragma once

#include <cassert>
#include <cstring>

#include "../../base/receive_buffer.h"

namespace subunit::link {

/// Counts the bytes of a stream from its start.
using StreamPosition = std::uint64_t;

/// A part of a stream, [begin, end).
struct StreamRange {
  StreamPosition begin = 0;
  StreamPosition end = 0;
  [[nodiscard]] std::uint64_t size() const { return end - begin; }
};

/// The end of a stream, as far as it is still needed, by position.
class HeldBytes {
 public:
  explicit HeldBytes(std::size_t capacity) : buffer_(capacity) {}

  void receive(Bytes bytes) {
    std::memcpy(buffer_.prepare(bytes.size()).data(), bytes.data(), bytes.size());
    buffer_.commit(bytes.size());
    end_ += bytes.size();
  }

  /// What stands before is not needed any more. It stays where it is until receive().
  void forget(StreamPosition before) { buffer_.consume(before - begin()); }

  [[nodiscard]] StreamPosition end() const { return end_; }
  [[nodiscard]] Bytes range(StreamPosition from, StreamPosition to) const {
    assert(from >= begin() && from <= to && to <= end_);
    return buffer_.held().subspan(from - begin(), to - from);
  }
  [[nodiscard]] Bytes from(StreamPosition from) const { return range(from, end_); }
  [[nodiscard]] std::uint8_t operator[](StreamPosition at) const {
    return buffer_.held()[at - begin()];
  }

 private:
  [[nodiscard]] StreamPosition begin() const { return end_ - buffer_.held().size(); }

  ReceiveBuffer buffer_;
  StreamPosition end_ = 0;
};

}  // namespace subunit::link
