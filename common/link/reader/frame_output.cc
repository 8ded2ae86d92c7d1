#include "common/link/reader/frame_output.h"

#include <algorithm>

#include "common/link/reader/line_bytes.h"

namespace subunit::link {
namespace {

// How far behind a frame its line end is looked for, when foreign lines have come in between.
constexpr std::uint64_t kMaxLines = 2048;

constexpr std::uint64_t kMaxCr = 2;  // in front of LF, by those who map line ends twice

}  // namespace

StreamPosition end_of_line_end(const HeldBytes& held, StreamPosition at, StreamPosition limit) {
  StreamPosition end = at;
  while (end < limit && end < at + kMaxCr && held[end] == '\r') ++end;
  return end < limit && held[end] == '\n' ? end + 1 : at;
}

FrameOutput::Event FrameOutput::take(const HeldBytes& held) {
  const Piece piece = pieces_[next_++];
  if (next_ == pieces_.size()) {
    pieces_.clear();
    next_ = 0;
  }
  if (piece.is_frame) return frame_;
  return LineNoise{held.range(piece.range.begin, piece.range.end), piece.noise_class,
                   piece.range.begin};
}

void FrameOutput::frame(const Frame& frame, StreamRange extent, StreamRange run) {
  frame_ = frame;
  pieces_.push_back({.range = extent, .noise_class = {}, .is_frame = true});
  if (run.size() > 0)
    pieces_.push_back({.range = run, .noise_class = LineNoise::Class::kText, .is_frame = false});
  settle_as_frame(extent.end);
  frame_bytes_ -= run.size();
  line_end_ = LineEnd::kNext;
  line_end_before_ = extent.end + kMaxLines;
}

void FrameOutput::settle_as_frame(StreamPosition to) {
  frame_bytes_ += to - settled_;
  settled_ = to;
}

bool FrameOutput::pass_line_end(const HeldBytes& held) {
  if (line_end_ == LineEnd::kAfterLine) return pass_line_end_after_line(held);
  if (settled_ == held.end()) return false;
  const std::uint8_t next = held[settled_];
  std::size_t size = 1;
  if (next == '\n') {
    line_end_ = LineEnd::kPassed;
  } else if (next == '\r') {
    line_end_ = LineEnd::kNextAfterCr;
  } else if (line_end_ == LineEnd::kNextAfterCr) {
    line_end_ = LineEnd::kPassed;  // LF has become CR
    size = 0;
  } else if (byte_kind(next) == ByteKind::kEscape) {
    const auto sequence = escape_sequence(held.from(settled_));
    if (!sequence) return false;
    size = *sequence;
  } else if (byte_kind(next) != ByteKind::kIgnored) {
    size = 0;
  }
  if (size == 0 && line_end_ != LineEnd::kPassed) line_end_ = LineEnd::kAfterText;
  settle_as_frame(settled_ + size);
  return true;
}

bool FrameOutput::pass_line_end_after_line(const HeldBytes& held) {
  if (settled_ >= line_end_before_) {
    line_end_ = LineEnd::kPassed;
    return true;
  }
  const StreamPosition end = end_of_line_end(held, settled_, held.end());
  if (end == settled_) {
    const Bytes next = held.from(settled_);
    if (next.size() <= kMaxCr &&
        std::all_of(next.begin(), next.end(), [](std::uint8_t byte) { return byte == '\r'; }))
      return false;
    line_end_ = LineEnd::kAfterText;
    return true;
  }
  settle_as_frame(end);
  line_end_ = LineEnd::kPassed;
  return true;
}

StreamPosition FrameOutput::end_of_text(const HeldBytes& held, StreamPosition end) const {
  if (line_end_ != LineEnd::kAfterText) return end;
  StreamPosition line = end;
  while (line > settled_ && held[line - 1] == '\r') --line;
  return line > settled_ && held[line - 1] == '\n' ? line : end;
}

void FrameOutput::noise(const HeldBytes& held, StreamPosition to, LineNoise::Class noise_class) {
  if (line_end_ != LineEnd::kPassed) take_out_line_end(held, to, noise_class);
  push_noise(to, noise_class);
}

/// Takes the line end of the last frame out of what goes to noise, if it is there, and puts there
/// what stands before.
void FrameOutput::take_out_line_end(const HeldBytes& held, StreamPosition to,
                                    LineNoise::Class noise_class) {
  for (StreamPosition at = settled_; at < to && at < line_end_before_; ++at) {
    if (line_end_ == LineEnd::kAfterLine) {
      if (const StreamPosition end = end_of_line_end(held, at, to); end != at) {
        push_noise(at, noise_class);
        settle_as_frame(end);
        line_end_ = LineEnd::kPassed;
        return;
      }
    }
    line_end_ = held[at] == '\n' ? LineEnd::kAfterLine : LineEnd::kAfterText;
  }
}

void FrameOutput::push_noise(StreamPosition to, LineNoise::Class noise_class) {
  if (to == settled_) return;
  pieces_.push_back({.range = {settled_, to}, .noise_class = noise_class, .is_frame = false});
  settled_ = to;
}

}  // namespace subunit::link
