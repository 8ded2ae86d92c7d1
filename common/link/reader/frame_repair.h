#pragma once

#include <optional>
#include <vector>

#include "../frame/frame_text.h"

namespace subunit::link {

/// Finds out which run of bytes has come into the middle of a frame: one that ends with a line and
/// without which all the rest is a frame that checks.
///
/// A console is shared. While a frame is on its way the kernel prints lines of its own, whenever it
/// likes and in the middle of ours: each in one piece, from anywhere in the frame to a CR LF. The
/// frame is all there, in two parts.
///
/// The obvious way is to ask for such a frame again. But lines come in crowds, when a board boots
/// or a driver complains, and then the frame that is sent again is hit as well, the sooner the
/// longer it is; on a line of 115,200 baud each try costs a third of a second. The next idea is to
/// cut out what looks like a line of the kernel's, "[   12.345678] usb 1-1: …". But that stamp is
/// an option of the kernel's, and init systems, login prompts and other people's programs print on
/// consoles, too.
///
/// What decides instead is the frame itself: it has a length and a CRC, so whatever is taken out,
/// the rest must be a frame that checks. That a wrong run passes has the odds of the CRC, 2^-32 for
/// each try, and behind it stands the CRC of the packets within. What keeps the tries few is that a
/// run that ends at a given line end leaves no choice but where the frame's size comes from: the
/// size says how many characters stand in front of the run, since those behind it are counted. Most
/// tries fail before their CRC is computed. What is taken out is not lost: it is text that somebody
/// printed, and goes to the noise.
class FrameRepair {
 public:
  struct Found {
    Frame frame;
    std::size_t run_begin;  // in the line
    std::size_t run_end;
  };

  /// `line`: what stands between a mark and a ';'. The body is put into `body`. Looks at about
  /// `most` bytes, then it gives up. Runs that begin like a kernel's line are tried first. Not for
  /// kDense frames.
  [[nodiscard]] std::optional<Found> find(Bytes line, std::uint64_t most, Buffer& body);

  /// How many bytes the last find() has looked at.
  [[nodiscard]] std::uint64_t cost() const { return cost_; }

 private:
  /// An LF behind which nothing foreign stands.
  struct LineEnd {
    std::size_t at;      // behind it
    std::size_t before;  // digits in front of it
  };

  void read_line(Bytes line);
  std::optional<Found> try_line_end(Bytes line, LineEnd end, bool kernel, Buffer& body);
  std::optional<Found> try_run(Bytes line, const FrameHeader& header, LineEnd end,
                               std::size_t before, bool kernel, Buffer& body);
  void join(std::size_t before, std::size_t behind, std::size_t size);

  Buffer digits_;
  std::vector<std::size_t> ends_;  // where in the line each of them ends
  std::size_t first_foreign_ = 0;
  std::vector<LineEnd> line_ends_;
  std::optional<FrameHeader> header_;  // what the first digits say
  Buffer text_;
  std::uint64_t cost_ = 0;
};

}  // namespace subunit::link
