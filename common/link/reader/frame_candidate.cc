#include "common/link/reader/frame_candidate.h"

#include <algorithm>

#include "common/link/reader/line_bytes.h"

namespace subunit::link {

void FrameCandidate::begin(StreamPosition start) {
  reset(start, 0);
}

void FrameCandidate::begin_behind_run(StreamPosition start, StreamRange run,
                                      StreamPosition text_at) {
  reset(start, text_at);
  run_ = run;
}

void FrameCandidate::reset(StreamPosition start, StreamPosition text_at) {
  active_ = true;
  start_ = start;
  text_at_ = text_at;
  run_ = {};
  has_line_end_ = at_line_start_ = false;
  text_.clear();
  header_.reset();
  needed_ = kHeaderText;
}

FrameCandidate::Step FrameCandidate::read(const HeldBytes& held, StreamPosition& at,
                                          StreamPosition limit) {
  while (at < limit) {
    const std::uint8_t next = held[at];
    const ByteKind kind = byte_kind(next);
    std::size_t size = 0;
    if (in_dense_body() && !ignored_in_dense(next)) {
      size = take_dense(held.range(at, limit));
    } else if (kind == ByteKind::kIgnored) {
      size = 1;
      if (next == '\n') has_line_end_ = at_line_start_ = true;
    } else if (kind == ByteKind::kEscape) {
      const auto sequence = escape_sequence(held.from(at));
      if (!sequence) return Step::kNeedsMore;
      size = *sequence;
    } else if (!marked()) {
      size = take_mark(next, at);
    } else if (kind == ByteKind::kDigit) {
      size = take_digits(held.range(at, limit));
    } else if (next == kFrameEnd && header_ && text_.size() == needed_) {
      return Step::kEnd;
    }
    if (size == 0) return Step::kForeign;
    at += size;
  }
  return Step::kNeedsMore;
}

std::size_t FrameCandidate::take_mark(std::uint8_t byte, StreamPosition at) {
  if (byte != kFrameMark[1]) return 0;
  at_line_start_ = false;
  text_at_ = at + 1;
  return 1;
}

/// Takes digits from the start of `bytes`, as many as there are and belong to the text. 0 if the
/// first does not, or makes a header that is none.
std::size_t FrameCandidate::take_digits(Bytes bytes) {
  const std::size_t most = std::min(bytes.size(), needed_ - text_.size());
  std::size_t size = 0;
  while (size < most && byte_kind(bytes[size]) == ByteKind::kDigit) ++size;
  if (size == 0 || (text_.empty() && !is_frame_type(bytes[0]))) return 0;
  append(text_, bytes.first(size));
  at_line_start_ = false;
  if (header_ || text_.size() < kHeaderText) return size;
  header_ = read_frame_header(text_);
  if (!header_) return 0;
  needed_ = header_->text_size();
  return size;
}

/// The same in the body of a kDense frame, where any byte counts that the code may use.
std::size_t FrameCandidate::take_dense(Bytes bytes) {
  const std::size_t most = std::min(bytes.size(), needed_ - kCrcText - text_.size());
  std::size_t size = 0;
  while (size < most && !never_sent()[bytes[size]]) ++size;
  append(text_, bytes.first(size));
  if (size > 0) at_line_start_ = false;
  return size;
}

std::optional<Frame> FrameCandidate::frame(const std::optional<DenseCode>& dense_code,
                                           Buffer& body) const {
  return read_frame_text(*header_, text_, dense_code, body);
}

}  // namespace subunit::link
