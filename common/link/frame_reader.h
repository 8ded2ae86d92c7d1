#pragma once

#include <optional>
#include <variant>

#include "common/base/time.h"
#include "common/link/dense_code.h"
#include "common/link/frame.h"

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
/// frame CR, LF, space, NUL, XON, XOFF and complete CSI and OSC sequences count for nothing, so
/// that a terminal may wrap lines and map their ends. (Not space and NUL in a kDense frame.) A
/// frame that does not check is repaired if one contiguous run that ends in CR LF can be taken out
/// of it (a line that the kernel printed in between, wherever in the frame it may stand, inside of
/// "#%" too) and then it checks; the run goes to noise. Every byte that was received comes out
/// exactly once and in order, in a frame or in a piece of noise: a frame's own line end, however it
/// was mapped, and what counts for nothing, belong to the frame. A run that was taken out comes
/// behind its frame.
///
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
    std::uint64_t damaged = 0;  ///< candidates that turned out false, or beyond repair
  };

  void receive(Bytes bytes, Time now);

  /// Nothing more will come: what could still have become a frame is noise.
  void receive_eof();

  /// The next frame or noise. Its views are valid until the next call of anything here.
  [[nodiscard]] std::optional<Event> next_event();

  /// When to call tick() if nothing comes before; nothing while no frame is half there.
  [[nodiscard]] std::optional<Time> next_deadline() const;
  void tick(Time now);

  /// How to read kDense frames. Before this is known they are damaged ones.
  void set_dense_code(const DenseCode& code) { dense_code_ = code; }

  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  std::optional<DenseCode> dense_code_;
  Counts counts_;
};

}  // namespace subunit
