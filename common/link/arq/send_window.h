#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "common/base/receive_buffer.h"
#include "common/base/time.h"
#include "common/link/arq/acknowledgement.h"
#include "common/link/arq/sequence.h"
#include "common/link/frame/dense_code.h"

namespace subunit::link {

/// The stream of one end from the first byte that may have to be sent again: what is on the line,
/// what has arrived, what is lost and what was not sent yet.
///
/// The line keeps order. So what was written before something that has arrived, and has not
/// arrived, is lost.
class SendWindow {
 public:
  static constexpr std::size_t kMaxFrames = 1024;  // on the line, not counting cuts

  /// A frame to send. The view is valid until the next call of anything here but const functions.
  struct Piece {
    std::uint64_t number;
    Bytes payload;
    bool finish;
    bool again;
  };

  /// What became of frames by an acknowledgement.
  struct Outcome {
    struct Fate {
      std::size_t line_bytes;
      bool dense;
      bool arrived;  // or lost
    };
    std::vector<Fate> fates;
    std::size_t arrived_bytes = 0;                  // of the line
    bool drop = false;                              // first loss since the last one that said so
    std::optional<Time> round_trip = std::nullopt;  // of the latest frame that arrived
    std::size_t ahead = 0;                          // line bytes before and in that frame
    std::size_t delivered = 0;                      // line bytes that arrived in that time
    Time delivered_in{0};
  };

  explicit SendWindow(std::uint32_t first);

  void queue(Bytes payload);
  void finish() { finish_wanted_ = true; }

  /// The next to be sent: what is lost first, in pieces if it is much longer than what is best now.
  [[nodiscard]] std::optional<Piece> next(const BodySpace& space);
  /// `piece` was written, as so many line bytes.
  void sent(const Piece& piece, std::size_t line_bytes, bool dense, Time now);

  /// `more`: the whole truth, as of a kAck frame; or only what is awaited next. `shortest`: no
  /// answer comes sooner. Nothing if that can be no answer to what was sent. Valid until the next.
  [[nodiscard]] const Outcome* acknowledge(std::uint32_t awaited, const Acknowledgement* more,
                                           Time shortest, Time now);

  /// Nothing comes back: the oldest frame on the line, or its beginning, of at most so many
  /// characters, is the next to be sent, whatever is on the line.
  void probe(std::size_t text);
  [[nodiscard]] bool probing() const { return probe_.has_value(); }

  [[nodiscard]] std::size_t queued() const { return unsent().size(); }
  [[nodiscard]] std::size_t in_flight() const { return in_flight_; }  // line bytes
  /// An answer is to come.
  [[nodiscard]] bool waiting() const { return in_flight_ > 0 || !unknown_.empty(); }
  /// All the payload has arrived, and the end is awaited or has arrived too.
  [[nodiscard]] bool only_finish_left() const;
  [[nodiscard]] bool finish_arrived() const { return finish_arrived_; }
  /// There is payload, and the other end has told that it will not take it.
  [[nodiscard]] bool blocked() const;
  [[nodiscard]] std::uint64_t payload_arrived() const { return base_; }

 private:
  /// kUnknown: something that was sent after it has arrived, and the other end has not said yet
  /// whether this has.
  enum class State { kOnLine, kUnknown, kLost, kArrived };

  /// What one frame carried, when it was sent the last time.
  struct Entry {
    std::uint64_t offset = 0;  // in the stream
    std::size_t length = 0;
    std::uint64_t whole = 0;  // the number of the frame that this was cut from
    State state = State::kOnLine;
    bool finish = false;
    bool doubtful = false;  // the time before, it may have arrived too
    bool dense = false;
    int times = 0;
    std::uint64_t order = 0;
    Time at{0};
    std::size_t line_bytes = 0;
    std::size_t ahead = 0;
    std::uint64_t delivered = 0;  // and when, at that time
    Time delivered_at{0};

    [[nodiscard]] std::uint64_t blocks() const { return blocks_of(length); }
  };
  using Entries = std::map<std::uint64_t, Entry>;  // by number

  [[nodiscard]] Bytes unsent() const;
  [[nodiscard]] Bytes view(const Entry& entry) const;
  [[nodiscard]] std::optional<Piece> next_lost(const BodySpace& space);
  [[nodiscard]] std::optional<Piece> next_new(const BodySpace& space) const;
  void cut(std::uint64_t number, std::size_t size);
  Entry& entry_of(const Piece& piece);
  void put(std::uint64_t number, Entry& entry, State state);
  void arrive(Entries::iterator at, Time now);
  void arrive_between(std::uint64_t from, std::uint64_t to, Time now);
  void judge_arrived(Time shortest, Time now);
  [[nodiscard]] bool sure(Entries::const_iterator at, Time shortest, Time now) const;
  void lose_unproven(std::uint64_t horizon);
  void lose(std::uint64_t number);
  void forget_before(std::uint64_t awaited);

  ReceiveBuffer stream_;
  std::uint64_t base_ = 0;         // offset of the first byte of stream_
  std::uint64_t next_offset_ = 0;  // of the first byte that was not sent yet
  std::uint64_t limit_;            // offset up to which the other end takes payload
  std::uint64_t first_;            // the oldest number that has not arrived
  std::uint64_t next_;             // the next new number
  Entries entries_;
  std::map<std::uint64_t, std::uint64_t> on_line_;  // numbers by order
  std::set<std::uint64_t> unknown_;
  std::set<std::uint64_t> lost_;
  std::optional<std::uint64_t> probe_;
  bool more_gaps_ = false;  // at the other end than it can tell of
  std::size_t in_flight_ = 0;
  std::uint64_t order_ = 0;   // of the next transmission
  std::uint64_t proven_ = 0;  // a transmission that has arrived: all before it have, or never will
  std::uint64_t drop_after_ = 0;  // losses of what was sent before count as one
  std::uint64_t delivered_ = 0;   // line bytes
  Time delivered_at_{0};
  std::vector<Entries::iterator> arrived_;  // by this acknowledgement
  Outcome outcome_;
  bool finish_wanted_ = false;
  bool finish_sent_ = false;
  bool finish_arrived_ = false;
};

}  // namespace subunit::link
