#pragma once

#include <optional>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/time.h"

namespace subunit::link {

/// The body of a kAck frame, together with the number in the frame that is awaited next. It has to
/// get through a line that loses frames, so it is short:
///
///     ROOM { SKIP COUNT }
///
/// Each is a number of seven bits a byte, the lowest first, with the eighth set in all but its last
/// byte; four bytes at most.
struct Acknowledgement {
  /// Sequence numbers behind those of the block before, or from the awaited one on: so many are
  /// missing, and so many have come. Neither is 0.
  struct SackBlock {
    std::uint32_t skip;
    std::uint32_t count;
    friend bool operator==(const SackBlock&, const SackBlock&) = default;
  };

  /// What one frame tells of at most.
  static constexpr std::size_t kMaxSackBlocks = 24;

  /// The room before the first of these frames.
  static constexpr std::size_t kFirstRoom = 16 << 10;

  /// So many payload bytes behind the ones that have come in order will be taken. ROOM is one more.
  std::uint32_t room = 0;
  /// Both streams have arrived as a whole, and the sender of this knows it. ROOM is 0 then, and
  /// nobody needs any more.
  bool all_arrived = false;
  /// What has come beyond the first that is missing. If these are kMaxSackBlocks there may be more.
  std::vector<SackBlock> sack = {};

  void encode(Buffer& out) const;

  /// Nothing if it is none. The blocks may say anything.
  [[nodiscard]] static std::optional<Acknowledgement> decode(Bytes body);
};

/// When to confirm what has come: not each frame alone, and not late.
class AckTimer {
 public:
  static constexpr Time kMaxDelay = std::chrono::milliseconds(20);
  static constexpr int kMaxFrames = 8;

  void urgent() { due_ = true; }
  void arrived(Time now) {
    if (++frames_ >= kMaxFrames) due_ = true;
    if (!deadline_) deadline_ = now + kMaxDelay;
  }

  void sent() {
    due_ = false;
    frames_ = 0;
    deadline_.reset();
  }

  [[nodiscard]] bool due() const { return due_; }
  /// Something has come, and was not confirmed.
  [[nodiscard]] bool waiting() const { return due_ || deadline_.has_value(); }

  [[nodiscard]] std::optional<Time> next_deadline() const {
    return due_ ? std::nullopt : deadline_;
  }
  void tick(Time now) {
    if (deadline_ && now >= *deadline_) due_ = true;
  }

 private:
  bool due_ = false;
  int frames_ = 0;
  std::optional<Time> deadline_;
};

}  // namespace subunit::link
