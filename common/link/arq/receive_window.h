#pragma once

#include <map>

#include "common/base/receive_buffer.h"
#include "common/link/arq/acknowledgement.h"
#include "common/link/arq/sequence.h"

namespace subunit::link {

/// The other end's stream, put in order.
class ReceiveWindow {
 public:
  /// Payload that is held at most, in order or not.
  static constexpr std::size_t kMaxHeld = 256 << 10;
  /// Frames that are held at most beyond the first that is missing.
  static constexpr std::size_t kMaxFrames = 2048;
  /// So far ahead of what is awaited a sequence number may be.
  static constexpr std::uint64_t kMaxAhead = 1 << 20;

  enum class Verdict {
    kInOrder,
    kGap,        ///< something before it is missing that was not known to be
    kHeld,       ///< something before it is missing
    kDuplicate,  ///< has come before
    kRefused,    ///< there was no room for it, or it cannot be
  };

  explicit ReceiveWindow(std::uint32_t first) : next_(unwrapped_start(first)), top_(next_) {}

  /// `payload` is looked at until the next call of keep().
  [[nodiscard]] Verdict receive(std::uint32_t sequence, Bytes payload, bool finish);

  /// What has come in order and was not taken. Valid until the next call of anything else.
  [[nodiscard]] Bytes payload() const { return direct_.empty() ? ready_.held() : direct_; }
  /// All of that is taken.
  void take();
  /// What receive() got is about to go away.
  void keep();

  /// All of the stream has come.
  [[nodiscard]] bool finished() const { return finished_; }
  [[nodiscard]] bool has_gap() const { return !held_.empty(); }
  [[nodiscard]] std::uint32_t awaited() const { return wrapped(next_); }
  /// Payload bytes that have come in order.
  [[nodiscard]] std::uint64_t received() const { return received_; }
  /// How far in the stream there is room. Never less than it was.
  [[nodiscard]] std::uint64_t limit() const { return taken_ + kMaxHeld; }

  [[nodiscard]] Acknowledgement acknowledgement() const;

 private:
  struct Held {
    Buffer payload;
    bool finish;
    std::uint64_t end;
  };

  [[nodiscard]] bool overlaps(std::uint64_t number, std::uint64_t end) const;
  void accept(Bytes payload, bool finish, std::uint64_t end);
  void accept_held();

  std::uint64_t next_;  // the first number that is missing
  std::uint64_t top_;   // behind the last that has come
  std::uint64_t received_ = 0;
  std::uint64_t taken_ = 0;
  Bytes direct_;  // of a frame, not copied yet, and then ready_ is empty
  ReceiveBuffer ready_{2 * kMaxHeld};
  std::map<std::uint64_t, Held> held_;
  std::size_t held_bytes_ = 0;
  bool finished_ = false;
};

}  // namespace subunit::link
