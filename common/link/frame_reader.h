#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "common/base/receive_buffer.h"
#include "common/base/time.h"
#include "common/link/dense_code.h"
#include "common/link/frame.h"
#include "common/link/frame_repair.h"
#include "common/link/frame_text.h"

namespace subunit {

/// A run of bytes from the line that belong to no frame.
struct LineNoise {
  enum class Class {
    kText,     ///< stood between frames, or in the middle of one that was repaired
    kDamaged,  ///< began like a frame, and is none, and cannot be repaired
  };
  Bytes bytes;
  Class noise_class = Class::kText;
};

/// Finds frames in what comes out of a terminal.
///
/// "#%" anywhere nominates a frame; type, length, ";" and CRC decide. Between the characters of a
/// frame CR, LF, space, NUL, XON, XOFF and complete escape sequences (CSI, OSC, and those that
/// choose a character set) count for nothing, so that a terminal may wrap lines and map their ends.
/// In the body of a kDense frame that holds for CR, LF, XON and XOFF only.
///
/// A frame that does not check is repaired if one contiguous run that ends with a line can be taken
/// out of it (lines that the kernel printed in between, wherever in the frame they may stand,
/// inside of "#%" too) and then it checks; the run goes to noise. (Not in kDense frames, but inside
/// of their "#%".)
///
/// Every byte that was received comes out exactly once and in order, in a frame or in a piece of
/// noise: a frame's own line end, however it was mapped, and what counts for nothing, belong to the
/// frame. The line end does so too if the kernel's lines stand before it. A run that was taken out
/// comes behind its frame.
///
/// What comes out does not depend on how the bytes were cut when they came in, but for silences.
/// Linear on hostile input, and holds at most kMaxHeld bytes.
class FrameReader {
 public:
  using Event = std::variant<Frame, LineNoise>;

  /// The longest frame, with line ends at every 80 columns, and a few lines in the middle.
  static constexpr std::size_t kMaxHeld = 8192;

  /// The beginning of a frame that goes no further for so long is none.
  static constexpr Time kStallTimeout = std::chrono::milliseconds(500);

  /// What was found, for statistics.
  struct Counts {
    std::uint64_t frames = 0;  ///< repaired ones too
    std::uint64_t repaired = 0;
    std::uint64_t damaged = 0;      ///< candidates that turned out false, or beyond repair
    std::uint64_t frame_bytes = 0;  ///< bytes that were no noise
  };

  void receive(Bytes bytes, Time now);

  /// Nothing more will come: what could still have become a frame is noise.
  void receive_eof() { doomed_ = received_; }

  /// The next frame or noise. Its views are valid until the next call of anything here.
  [[nodiscard]] std::optional<Event> next_event();

  /// When to call tick() if nothing comes before; nothing while no frame is half there.
  [[nodiscard]] std::optional<Time> next_deadline() const;
  void tick(Time now);

  /// How to read kDense frames. Before this is known they are damaged ones.
  void set_dense_code(const DenseCode& code) { dense_code_ = code; }

  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  using Position = std::uint64_t;  // counts bytes from the start of the stream

  /// A part of the stream, [begin, end).
  struct Range {
    Position begin = 0;
    Position end = 0;
    [[nodiscard]] std::uint64_t size() const { return end - begin; }
  };

  /// An event that is due.
  struct Output {
    Range range;
    LineNoise::Class noise_class;
    bool is_frame;  // frame_; range says nothing
  };

  /// The candidate that is being read: nothing foreign stands in it up to cursor_.
  struct Candidate {
    bool active = false;
    bool marked = false;     // its '%' is there
    bool saw_line = false;   // an LF stood in it
    bool in_body = false;    // of a kDense frame
    Position start = 0;      // of its '#'
    Position text_at = 0;    // behind its '%'
    Range run;               // what was taken out between '#' and '%'
    Buffer text;             // what is there of the text of the frame
    std::size_t needed = 0;  // its size; of the header at first
    std::optional<FrameHeader> header;
  };

  /// A candidate with something foreign in it, which may turn out to be a frame and foreign lines.
  struct Broken {
    Position start;
    Position text_at;
    Position at;      // of the first byte that could not belong to it
    bool repairable;  // nothing was taken out yet
  };

  /// A '#' without '%', in a line that may have come between the two.
  struct LoneMark {
    Position at;
    bool bracket;     // '[' follows, as if the kernel spoke
    bool line_ended;  // what follows the line decides
  };

  /// Where the line end of the last frame may be.
  enum class LineEnd {
    kPassed,       // it has come, or there was no frame
    kNext,         // behind what comes next and counts for nothing
    kNextAfterCr,  // the same, and CR was there
    kAfterText,    // behind the text that has come in between
    kAfterLine,    // the same, and a line of text has ended here
  };

  bool advance();
  bool pass_line_end();
  bool pass_line_end_after_line();
  bool skip_text();
  bool scan();
  bool read_candidate();
  bool read_digit(std::uint8_t byte);
  bool read_foreign(std::uint8_t byte);
  void begin(Position start);
  bool accept_contiguous(Position start);
  bool finish();
  void set_lone_mark(std::uint8_t next);
  bool decide_lone_mark(std::uint8_t next);
  void break_candidate();
  bool repair();
  void accept(const Frame& frame, Range extent, Range run);
  void note_line();
  void note_character() { fresh_line_ = false; }

  void give_up_oldest();
  void release(Position to);
  void put_noise(Position to, LineNoise::Class noise_class);
  void put_noise_after_frame(Position to, LineNoise::Class noise_class);
  void push_noise(Range range, LineNoise::Class noise_class);
  void take_as_frame(Position to);
  [[nodiscard]] Position end_of_damage(const Broken& broken, Position limit) const;
  [[nodiscard]] Position end_of_line_end(Position at, Position limit) const;

  [[nodiscard]] std::optional<Position> oldest() const;
  [[nodiscard]] Position held_from() const { return received_ - buffer_.held().size(); }
  [[nodiscard]] Bytes bytes(Position from, Position to) const {
    return buffer_.held().subspan(from - held_from(), to - from);
  }
  [[nodiscard]] std::uint8_t byte(Position at) const { return buffer_.held()[at - held_from()]; }

  ReceiveBuffer buffer_{2 * kMaxHeld};
  Position received_ = 0;
  Position settled_ = 0;  // what stands before has become of a frame or noise
  Position cursor_ = 0;   // what stands before has been looked at
  Position doomed_ = 0;   // candidates that start before are not waited for
  std::optional<Time> stalls_at_;

  std::vector<Output> outputs_;
  std::size_t next_output_ = 0;
  Frame frame_;
  Buffer body_;

  // What starts at settled_ or behind it, and may become a frame.
  Candidate candidate_;
  std::vector<Broken> broken_;  // in order
  std::optional<LoneMark> lone_mark_;
  bool fresh_line_ = false;   // nothing that counts has come since the last LF
  bool run_may_end_ = false;  // nothing foreign has come since the last LF
  FrameRepair repair_;
  std::uint64_t work_ = 0;  // what it has looked at
  LineEnd line_end_ = LineEnd::kPassed;
  Position line_end_before_ = 0;  // it is not awaited behind this

  std::optional<DenseCode> dense_code_;
  Counts counts_;
};

}  // namespace subunit
