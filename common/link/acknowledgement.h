#pragma once

#include <optional>
#include <vector>

#include "common/base/bytes.h"

namespace subunit {

/// The body of a kAck frame, together with the number in the frame that is awaited next:
///
///     ROOM(4) { FROM(3) TO(3) }       big-endian
struct Acknowledgement {
  /// Sequence numbers that have come, `to` excluded.
  struct Run {
    std::uint32_t from;
    std::uint32_t to;
    friend bool operator==(const Run&, const Run&) = default;
  };

  /// What one frame tells of at most: it has to get through a line that loses frames.
  static constexpr std::size_t kMaxRuns = 12;

  /// The room before the first of these frames.
  static constexpr std::size_t kFirstRoom = 16 << 10;

  /// So many payload bytes behind the ones that have come in order will be taken.
  std::uint32_t room = 0;
  /// Both streams have arrived as a whole, and the sender of this knows it. Takes the place of the
  /// room, which nobody needs any more.
  bool all_arrived = false;
  /// What has come beyond the first that is missing, in order and apart from each other. If these
  /// are kMaxRuns there may be more.
  std::vector<Run> runs = {};

  void encode(Buffer& out) const;

  /// Nothing if it is none. The runs may be anything that 24 bits can say.
  [[nodiscard]] static std::optional<Acknowledgement> decode(Bytes body);
};

}  // namespace subunit
