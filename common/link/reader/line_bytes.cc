#include "common/link/reader/line_bytes.h"

#include <algorithm>
#include <cstdint>

#include "common/link/frame/base64.h"

namespace subunit::link {
namespace {

constexpr std::uint8_t kEsc = 0x1B;
constexpr std::uint8_t kBel = 0x07;

constexpr auto kKinds = [] {
  std::array<ByteKind, 256> kinds{};
  kinds.fill(ByteKind::kForeign);
  for (const char digit : kBase64Digits) kinds[static_cast<std::uint8_t>(digit)] = ByteKind::kDigit;
  for (const int byte : {0x0D, 0x0A, 0x20, 0x00, 0x11, 0x13})
    kinds[static_cast<std::size_t>(byte)] = ByteKind::kIgnored;
  kinds[kEsc] = ByteKind::kEscape;
  return kinds;
}();

/// Reads one sequence, up to `limit` bytes of it. `mark` is a byte that is not to be in it.
class SequenceReader {
 public:
  SequenceReader(Bytes bytes, std::size_t limit, std::optional<std::uint8_t> mark)
      : bytes_(bytes.first(std::min(bytes.size(), limit))), limit_(limit), mark_(mark) {}

  /// Any number of bytes of `low` to `high`.
  void skip(std::uint8_t low, std::uint8_t high) {
    while (at_ < bytes_.size() && bytes_[at_] >= low && bytes_[at_] <= high && bytes_[at_] != mark_)
      ++at_;
  }

  /// One byte of `low` to 7E ends it.
  [[nodiscard]] std::optional<std::size_t> end(std::uint8_t low) const {
    if (at_ >= limit_) return 0;
    if (at_ == bytes_.size()) return std::nullopt;
    return bytes_[at_] >= low && bytes_[at_] <= 0x7E ? at_ + 1 : 0;
  }

  /// BEL or ESC \ ends it.
  [[nodiscard]] std::optional<std::size_t> end_of_text() const {
    for (std::size_t at = at_; at < limit_; ++at) {
      if (at == bytes_.size()) return std::nullopt;
      if (bytes_[at] == kBel) return at + 1;
      if (bytes_[at] == kEsc) {
        if (at + 1 == limit_) return 0;
        if (at + 1 == bytes_.size()) return std::nullopt;
        return bytes_[at + 1] == '\\' ? at + 2 : 0;
      }
      if (bytes_[at] < 0x20 || bytes_[at] == mark_) return 0;
    }
    return 0;
  }

 private:
  Bytes bytes_;
  std::size_t limit_;
  std::optional<std::uint8_t> mark_;
  std::size_t at_ = 2;
};

}  // namespace

ByteKind byte_kind(std::uint8_t byte) {
  return kKinds[byte];
}

bool ignored_in_dense(std::uint8_t byte) {
  return byte == '\r' || byte == '\n' || byte == 0x11 || byte == 0x13;
}

std::optional<std::size_t> escape_sequence(Bytes bytes, EscapeSequences which) {
  if (bytes.size() < 2) return std::nullopt;
  const bool all = which == EscapeSequences::kAll;
  SequenceReader reader(bytes, all ? SIZE_MAX : kMaxEscapeSequence,
                        all ? std::nullopt : std::optional<std::uint8_t>('#'));
  switch (bytes[1]) {
    case '[':
      reader.skip(0x30, 0x3F);
      reader.skip(0x20, 0x2F);
      return reader.end(0x40);
    case ']':
      return reader.end_of_text();
    default:
      if (all && bytes[1] >= 0x30 && bytes[1] <= 0x7E) return 2;
      if (bytes[1] < 0x20 || bytes[1] > 0x2F || (!all && bytes[1] == '#')) return 0;
      reader.skip(0x20, 0x2F);
      return reader.end(0x30);
  }
}

}  // namespace subunit::link
