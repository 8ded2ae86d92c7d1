#pragma once

#include <optional>
#include <vector>

#include "../../base/time.h"
#include "../frame/dense_code.h"
#include "../frame/frame.h"
#include "frame_candidate.h"
#include "frame_output.h"
#include "frame_repair.h"
#include "held_bytes.h"

namespace subunit::link {

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
  using Event = FrameOutput::Event;

  /// The longest frame, with line ends at every 80 columns, and a few lines in the middle.
  static constexpr std::size_t kMaxHeld = 8192;

  /// Bytes that the search for what to take out may look at, at a time.
  static constexpr std::int64_t kMaxRepairWork = 1 << 20;

  /// The beginning of a frame that goes no further for so long is none.
  static constexpr Time kStallTimeout = std::chrono::milliseconds(500);

  /// What was found, for statistics.
  struct Counts {
    std::uint64_t frames = 0;  ///< repaired ones too
    std::uint64_t repaired = 0;
    std::uint64_t damaged = 0;      ///< candidates that turned out false, or beyond repair
    std::uint64_t repair_work = 0;  ///< bytes looked at in search of what to take out
  };

  void receive(Bytes bytes, Time now);

  /// Nothing more will come: what could still have become a frame is noise.
  void receive_eof() { abandoned_before_ = held_.end(); }

  /// The next frame or noise. Its views are valid until the next call of anything here.
  [[nodiscard]] std::optional<Event> next_event();

  /// When to call tick() if nothing comes before; nothing while no frame is half there.
  [[nodiscard]] std::optional<Time> next_deadline() const;
  void tick(Time now);

  /// How to read kDense frames. Before this is known they are damaged ones.
  void set_dense_code(const DenseCode& code) { dense_code_ = code; }

  [[nodiscard]] const Counts& counts() const { return counts_; }

  /// Bytes that have come out as frames, with their line ends and what counted for nothing.
  [[nodiscard]] std::uint64_t frame_bytes() const { return output_.frame_bytes(); }

 private:
  /// A candidate with something foreign in it, which may turn out to be a frame and foreign lines.
  struct Broken {
    StreamPosition start;
    StreamPosition text_at;
    StreamPosition at;  // of the first byte that could not belong to it
    bool repairable;    // nothing was taken out yet
  };

  /// A '#' without '%', in a line that may have come between the two.
  struct LoneMark {
    StreamPosition at;
    bool bracket;     // '[' follows, as if the kernel spoke
    bool line_ended;  // what follows the line decides
  };

  bool advance();
  bool skip_text();
  bool scan();
  bool read_candidate();
  void begin(StreamPosition start);
  bool accept_contiguous(StreamPosition start);
  void accept(const Frame& frame, StreamRange extent, StreamRange run);
  void break_candidate();
  bool repair();
  void set_lone_mark();
  bool decide_lone_mark();
  void join_lone_mark();
  void note_line_end();

  [[nodiscard]] std::optional<StreamPosition> oldest() const;
  void give_up_oldest();
  void release(StreamPosition to);
  [[nodiscard]] StreamPosition end_of_damage(const Broken& broken, StreamPosition limit) const;

  HeldBytes held_{2 * kMaxHeld};
  FrameOutput output_;
  StreamPosition cursor_ = 0;            // what stands before has been looked at
  StreamPosition abandoned_before_ = 0;  // candidates that start before are not waited for
  std::optional<Time> stalls_at_;

  // What has not become of anything yet and may become a frame. A candidate is behind the others.
  FrameCandidate candidate_;
  std::vector<Broken> broken_;  // in order
  std::optional<LoneMark> lone_mark_;
  bool at_line_start_ = false;  // nothing that counts has come since the last LF
  bool run_may_end_ = false;    // nothing foreign has come since the last LF

  FrameRepair repair_;
  std::int64_t work_left_ = kMaxRepairWork;
  StreamPosition worked_until_ = 0;  // where that was last counted
  std::optional<DenseCode> dense_code_;
  Buffer body_;
  Counts counts_;
};

}  // namespace subunit::link
