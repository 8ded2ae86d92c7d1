#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "../frame/frame.h"
#include "held_bytes.h"

namespace subunit::link {

/// A run of bytes from the line that belong to no frame.
struct LineNoise {
  enum class Class {
    kText,     ///< stood between frames, or in the middle of one that was repaired
    kDamaged,  ///< began like a frame, and is none, and cannot be repaired
  };
  Bytes bytes;
  Class noise_class = Class::kText;
  StreamPosition position = 0;  ///< of the first of them in all that was received
};

/// What has become of a stream, byte for byte and in order: frames and noise. Takes the line ends
/// of frames out of what stands behind them.
class FrameOutput {
 public:
  using Event = std::variant<Frame, LineNoise>;

  /// Everything before this belongs to an event, or to the line end of a frame.
  [[nodiscard]] StreamPosition settled() const { return settled_; }

  /// What stands between settled() and `to` is noise.
  void noise(const HeldBytes& held, StreamPosition to, LineNoise::Class noise_class);

  /// A frame takes `extent`, which begins at settled(), but for `run`, which is noise behind it.
  void frame(const Frame& frame, StreamRange extent, StreamRange run);

  /// The line end of the last frame may be what comes next: ask pass_line_end() before anything
  /// else is made of it.
  [[nodiscard]] bool at_line_end() const {
    return line_end_ != LineEnd::kPassed && line_end_ != LineEnd::kAfterText;
  }

  /// Takes what belongs to the line end. False if that depends on what follows.
  [[nodiscard]] bool pass_line_end(const HeldBytes& held);

  /// How much of a text that reaches as far as `end` may go to noise now: CR behind a line may
  /// belong to the line end of the last frame.
  [[nodiscard]] StreamPosition end_of_text(const HeldBytes& held, StreamPosition end) const;

  [[nodiscard]] bool empty() const { return next_ == pieces_.size(); }
  /// The next event; there is one.
  [[nodiscard]] Event take(const HeldBytes& held);

  /// How many bytes have belonged to frames.
  [[nodiscard]] std::uint64_t frame_bytes() const { return frame_bytes_; }

 private:
  struct Piece {
    StreamRange range;
    LineNoise::Class noise_class;
    bool is_frame;  // frame_; `range` says nothing
  };

  /// Where the line end of the last frame may be.
  enum class LineEnd {
    kPassed,       // it has come, or there was no frame
    kNext,         // behind what comes next and counts for nothing
    kNextAfterCr,  // the same, and CR was there
    kAfterText,    // behind the text that has come in between
    kAfterLine,    // the same, and a line of it has ended here
  };

  bool pass_line_end_after_line(const HeldBytes& held);
  void take_out_line_end(const HeldBytes& held, StreamPosition to, LineNoise::Class noise_class);
  void push_noise(StreamPosition to, LineNoise::Class noise_class);
  void settle_as_frame(StreamPosition to);

  StreamPosition settled_ = 0;
  std::vector<Piece> pieces_;
  std::size_t next_ = 0;
  Frame frame_;
  LineEnd line_end_ = LineEnd::kPassed;
  StreamPosition line_end_before_ = 0;  // it is not awaited behind this
  std::uint64_t frame_bytes_ = 0;
};

/// Behind LF, CR LF or CR CR LF at `at`, all of it before `limit`; `at` if none of these is there.
[[nodiscard]] StreamPosition end_of_line_end(const HeldBytes& held, StreamPosition at,
                                             StreamPosition limit);

}  // namespace subunit::link
