#include "common/link/reader/frame_repair.h"

#include <algorithm>

#include "common/link/reader/line_bytes.h"

namespace subunit::link {
namespace {

bool is_digit(std::uint8_t byte) {
  return byte >= '0' && byte <= '9';
}

/// "[   12.345678]"
bool begins_kernel_line(Bytes bytes) {
  std::size_t at = 0;
  const auto skip = [&](auto matches) {
    const std::size_t from = at;
    while (at < bytes.size() && matches(bytes[at])) ++at;
    return at > from;
  };
  const auto take = [&](std::uint8_t byte) { return at < bytes.size() && bytes[at++] == byte; };
  if (!take('[')) return false;
  skip([](std::uint8_t byte) { return byte == ' '; });
  return skip(is_digit) && take('.') && skip(is_digit) && take(']');
}

}  // namespace

std::optional<FrameRepair::Found> FrameRepair::find(Bytes line, std::uint64_t most, Buffer& body) {
  cost_ = 0;
  read_line(line);
  header_.reset();
  if (digits_.size() >= kHeaderText) header_ = read_frame_header(digits_);
  for (const bool kernel : {true, false})
    for (const LineEnd& end : line_ends_) {
      if (cost_ > most) return std::nullopt;
      if (const auto found = try_line_end(line, end, kernel, body)) return found;
    }
  return std::nullopt;
}

void FrameRepair::read_line(Bytes line) {
  cost_ += line.size();
  digits_.clear();
  ends_.clear();
  line_ends_.clear();
  first_foreign_ = line.size();
  for (std::size_t at = 0; at < line.size();) {
    ByteKind kind = byte_kind(line[at]);
    std::size_t size = 1;
    if (kind == ByteKind::kEscape) {
      size = escape_sequence(line.subspan(at)).value_or(0);
      if (size == 0) {
        kind = ByteKind::kForeign;
        size = 1;
      }
    }
    if (kind == ByteKind::kForeign) {
      first_foreign_ = std::min(first_foreign_, at);
      line_ends_.clear();
    }
    at += size;
    if (kind == ByteKind::kDigit) {
      digits_.push_back(line[at - 1]);
      ends_.push_back(at);
    }
    // Of line ends with no digit in between the first one is the run's.
    if (kind == ByteKind::kIgnored && line[at - 1] == '\n' &&
        (line_ends_.empty() || line_ends_.back().before != digits_.size()))
      line_ends_.push_back({at, digits_.size()});
  }
}

std::optional<FrameRepair::Found> FrameRepair::try_line_end(Bytes line, LineEnd end, bool kernel,
                                                            Buffer& body) {
  const std::size_t behind = digits_.size() - end.before;
  ++cost_;
  // A run behind the header: its size is known.
  if (header_ && header_->text_size() >= behind + kHeaderText) {
    const std::size_t before = header_->text_size() - behind;
    if (const auto found = try_run(line, *header_, end, before, kernel, body)) return found;
  }
  // A run in the header.
  for (std::size_t before = 0; before < kHeaderText && before <= end.before; ++before) {
    if (before + behind < kHeaderText) continue;
    join(before, end.before, kHeaderText);
    cost_ += kHeaderText;
    const auto header = read_frame_header(text_);
    if (!header || header->text_size() != before + behind) continue;
    if (const auto found = try_run(line, *header, end, before, kernel, body)) return found;
  }
  return std::nullopt;
}

/// The run from behind so many digits to the line end.
std::optional<FrameRepair::Found> FrameRepair::try_run(Bytes line, const FrameHeader& header,
                                                       LineEnd end, std::size_t before, bool kernel,
                                                       Buffer& body) {
  if (before > end.before) return std::nullopt;
  const std::size_t begin = before == 0 ? 0 : ends_[before - 1];
  const bool empty = before == end.before && first_foreign_ >= end.at;
  if (begin > first_foreign_ || empty) return std::nullopt;
  if (begins_kernel_line(line.subspan(begin, end.at - begin)) != kernel) return std::nullopt;
  join(before, end.before, header.text_size());
  cost_ += text_.size();
  const auto frame = read_frame_text(header, text_, std::nullopt, body);  // no kDense without code
  if (!frame) return std::nullopt;
  return Found{*frame, begin, end.at};
}

/// Puts into text_ what a run takes apart: the first `before` digits, then those from `behind` on,
/// `size` in all.
void FrameRepair::join(std::size_t before, std::size_t behind, std::size_t size) {
  text_.clear();
  append(text_, Bytes(digits_).first(before));
  append(text_, Bytes(digits_).subspan(behind, size - before));
}

}  // namespace subunit::link
