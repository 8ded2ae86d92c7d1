#pragma once

#include <optional>

#include "../frame/frame_text.h"
#include "held_bytes.h"

namespace subunit::link {

/// What began with '#' and may be a frame, for as long as nothing foreign stands in it.
class FrameCandidate {
 public:
  enum class Step {
    kNeedsMore,  ///< all that is there belongs to it
    kForeign,    ///< the next byte does not
    kEnd,        ///< the next byte is its ';', and all its text is there
  };

  [[nodiscard]] bool active() const { return active_; }
  void begin(StreamPosition start);
  void stop() { active_ = false; }

  /// With '#' and '%' behind it, and a foreign run between the two.
  void begin_behind_run(StreamPosition start, StreamRange run, StreamPosition text_at);

  /// Goes on at `at`, as far as `limit` at most, and moves `at` behind what belongs to it.
  [[nodiscard]] Step read(const HeldBytes& held, StreamPosition& at, StreamPosition limit);

  /// After kEnd: the frame, if it checks.
  [[nodiscard]] std::optional<Frame> frame(const std::optional<DenseCode>& dense_code,
                                           Buffer& body) const;

  [[nodiscard]] StreamPosition start() const { return start_; }
  /// Its '%' is there.
  [[nodiscard]] bool marked() const { return text_at_ > 0; }
  /// Behind its '%'.
  [[nodiscard]] StreamPosition text_at() const { return text_at_; }
  [[nodiscard]] StreamRange run() const { return run_; }
  /// Its header says that anything may stand in its body.
  [[nodiscard]] bool dense() const { return header_ && header_->frame.type == Frame::Type::kDense; }
  /// An LF stands in it.
  [[nodiscard]] bool has_line_end() const { return has_line_end_; }
  /// None of its characters stands behind the last LF.
  [[nodiscard]] bool at_line_start() const { return at_line_start_; }

 private:
  void reset(StreamPosition start, StreamPosition text_at);
  std::size_t take_mark(std::uint8_t byte, StreamPosition at);
  [[nodiscard]] bool in_dense_body() const { return dense() && text_.size() < needed_ - kCrcText; }
  std::size_t take_digits(Bytes bytes);
  std::size_t take_dense(Bytes bytes);

  bool active_ = false;
  StreamPosition start_ = 0;
  StreamPosition text_at_ = 0;
  StreamRange run_;
  bool has_line_end_ = false;
  bool at_line_start_ = false;
  Buffer text_;
  std::optional<FrameHeader> header_;
  std::size_t needed_ = 0;  // size of the text, or of its header at first
};

}  // namespace subunit::link
