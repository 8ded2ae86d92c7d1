#pragma once

#include <optional>
#include <vector>

#include "common/base/bytes.h"

namespace subunit::link {

/// The body of a kAck frame, together with the number in the frame that is awaited next. It has to
/// get through a line that loses frames, so it is short:
///
///     ROOM { SKIP COUNT }
///
/// Each is a number of seven bits a byte, the lowest first, with the eighth set in all but its last
/// byte; four bytes at most.
struct Acknowledgement {
  /// Sequence numbers behind those of the run before, or from the awaited one on: so many are
  /// missing, and so many have come. Neither is 0.
  struct Run {
    std::uint32_t skip;
    std::uint32_t count;
    friend bool operator==(const Run&, const Run&) = default;
  };

  /// What one frame tells of at most.
  static constexpr std::size_t kMaxRuns = 24;

  /// The room before the first of these frames.
  static constexpr std::size_t kFirstRoom = 16 << 10;

  /// So many payload bytes behind the ones that have come in order will be taken. ROOM is one more.
  std::uint32_t room = 0;
  /// Both streams have arrived as a whole, and the sender of this knows it. ROOM is 0 then, and
  /// nobody needs any more.
  bool all_arrived = false;
  /// What has come beyond the first that is missing. If these are kMaxRuns there may be more.
  std::vector<Run> runs = {};

  void encode(Buffer& out) const;

  /// Nothing if it is none. The runs may say anything.
  [[nodiscard]] static std::optional<Acknowledgement> decode(Bytes body);
};

}  // namespace subunit::link
