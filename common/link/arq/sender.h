#pragma once

#include "common/link/arq/congestion_window.h"
#include "common/link/arq/round_trip.h"
#include "common/link/arq/send_window.h"

namespace subunit::link {

/// Decides when which part of the stream is sent, for the first time or again.
///
/// This is TCP's problem on a line that is kinder in one respect and harder in two. It keeps the
/// order: what was written before something that has arrived, and has not arrived, is lost, and no
/// further evidence has to be waited for. But a terminal drops what its buffer does not hold
/// without a word, and nobody tells how large that is; and a serial line harms bytes, which says
/// nothing about how full it is.
///
/// One frame at a time would be safe: at most 3,000 bytes a round trip, and 170 as long as a
/// terminal on the way may not be in raw mode. A fixed window is either as slow, or larger than
/// somebody's buffer: then all that is sent beyond it is lost, is sent again, and is lost
/// again. So the window is found out.
///
///   - Slow start from 2 KiB, half of what a Linux terminal holds, doubling each round trip until
///     something is lost, then congestion avoidance. A loss halves the window, once a round trip;
///     when nothing comes back at all it starts again (RFC 5681, in bytes of the line). See
///     CongestionWindow.
///   - It does not grow while answers take a quarter of a second longer than they ever did, loss
///     or no loss: then the bytes only wait in buffers, and what is urgent waits behind them.
///     Where the rate of the line is known, Pacer keeps to it.
///   - What is lost is sent again first, and in pieces if frames of its length do not get through
///     any more: a byte that is harmed costs a frame, so their length follows the rate of errors.
///     See FrameSize.
///   - The time-out is that of RFC 6298 with Karn's rule. The first two are not doubled, and
///     neither are those while damaged bytes come in: such a line is neither slow nor still. See
///     RoundTrip.
///   - Acknowledgements are held back by no window: two directions that are both full cannot lock
///     each other up. They tell what has arrived beyond a gap (SackBlock), so that one loss costs
///     one frame.
class Sender {
 public:
  /// Longer than that, frames on the line with hope and none arriving, is none.
  static constexpr Time kGiveUpTimeout = std::chrono::seconds(60);

  explicit Sender(std::uint32_t first_sequence) : window_(first_sequence) {}

  void queue(Bytes payload) { window_.queue(payload); }
  void finish() { window_.finish(); }

  /// What the line takes, bytes per second; 0: to be measured.
  void set_rate(double bytes_per_second) { rate_ = bytes_per_second; }
  /// Both ends are in raw mode: frames may be long.
  void allow_long_frames() { long_frames_ = true; }
  /// From now on in this code.
  void set_dense_code(const DenseCode& code) { dense_code_ = code; }
  [[nodiscard]] const DenseCode* dense_code() const {
    return dense_code_ ? &*dense_code_ : nullptr;
  }
  /// The other end has finished: nothing but our own end may keep us.
  void hurry_finish() { hurry_ = true; }

  [[nodiscard]] std::optional<SendWindow::Piece> next();
  void sent(const SendWindow::Piece& piece, std::size_t line_bytes, bool dense, Time now);
  /// False if that can be no answer to what was sent.
  [[nodiscard]] bool acknowledge(std::uint32_t awaited, const Acknowledgement* more, Time now);

  /// Something has come that was damaged.
  void heard_damage() { spoiled_ = true; }
  /// The line sends things back, or drops them.
  void slow_down() { congestion_window_.halve(); }

  [[nodiscard]] std::optional<Time> next_deadline() const;
  /// True if an answer is overdue.
  [[nodiscard]] bool tick(Time now);

  /// Nothing was confirmed for so long, or the end was not, that nothing will be.
  [[nodiscard]] bool has_given_up(Time now) const;
  /// For the other end to ask again, if it has not heard us.
  [[nodiscard]] Time retransmission_time() const;

  [[nodiscard]] const SendWindow& window() const { return window_; }

 private:
  [[nodiscard]] BodySpace space() const;
  [[nodiscard]] bool may_send() const;
  [[nodiscard]] Time timeout() const;
  void count(const SendWindow::Outcome& outcome);
  void measure(const SendWindow::Outcome& outcome, Time now);

  SendWindow window_;
  RoundTrip round_trip_;
  DeliveryRate delivery_;
  CongestionWindow congestion_window_;
  FrameSize frame_size_;
  std::optional<DenseCode> dense_code_;
  std::uint32_t dense_fates_ =
      0;  // of the last 32 frames in that code, a bit for each that was lost
  double rate_ = 0;
  bool long_frames_ = false;
  bool hurry_ = false;
  bool spoiled_ = false;      // since the last time-out
  bool queue_grows_ = false;  // the line's, by the last measurement
  Time timer_from_{0};        // the last progress, or when something was sent into an empty line
  Time progress_at_{0};
};

}  // namespace subunit::link
