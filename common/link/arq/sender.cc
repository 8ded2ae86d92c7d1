#include "common/link/arq/sender.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace subunit::link {
namespace {

constexpr std::size_t kMaxEarlyText = kMaxEarlyBody / 3 * 4;

// A frame had better take no longer than that: what is urgent waits behind it.
constexpr double kMaxFrameSeconds = 0.35;

// More than that waiting in buffers on the way does not make the line faster.
constexpr Time kMaxQueueing = std::chrono::milliseconds(250);

// The end is repeated at this pace when it is all that is left.
constexpr Time kHurriedTimeout = std::chrono::milliseconds(250);

// What an answer takes beyond the way of the bytes, at most: it waits for more to confirm, and for
// the line.
constexpr Time kAnswerTime = std::chrono::milliseconds(50);

// So many in a row, and no progress: it is not for a slow answer.
constexpr int kManyTimeouts = 8;

// Of 32 frames in the denser code so many may be lost: 5 %.
constexpr int kMaxDenseLosses = 1;

}  // namespace

// ---- what to send

BodySpace Sender::space() const {
  const std::size_t most = long_frames_ ? kMaxBodyText : kMaxEarlyText;
  std::size_t best = std::min(frame_size_.body_text(), most);
  if (rate_ > 0) {
    const auto text = static_cast<std::size_t>(
        std::clamp(rate_ * kMaxFrameSeconds - kFrameOverhead, 0.0, double{kMaxBodyText}));
    best = std::clamp(text, FrameSize::kMinText, best);
  }
  return {.code = dense_code(), .most_text = most, .best_text = best};
}

bool Sender::may_send() const {
  if (window_.in_flight() == 0 || window_.probing()) return true;
  const std::size_t frame = space().best_text + kFrameOverhead;
  return window_.in_flight() + frame <= std::max(congestion_window_.bytes(), 2 * frame);
}

std::optional<SendWindow::Piece> Sender::next() {
  if (!may_send()) return std::nullopt;
  return window_.next(space());
}

void Sender::sent(const SendWindow::Piece& piece, std::size_t line_bytes, bool dense, Time now) {
  if (!window_.waiting() || window_.probing()) timer_from_ = now;
  if (!window_.waiting() && round_trip_.timeouts() == 0) progress_at_ = now;
  window_.sent(piece, line_bytes, dense, now);
}

// ---- answers

bool Sender::acknowledge(std::uint32_t awaited, const Acknowledgement* more, Time now) {
  const SendWindow::Outcome* outcome =
      window_.acknowledge(awaited, more, round_trip_.shortest().value_or(Time::max()), now);
  if (!outcome) return false;
  if (outcome->arrived_bytes > 0) {
    measure(*outcome, now);
    round_trip_.progressed();
    timer_from_ = progress_at_ = now;
  }
  count(*outcome);
  return true;
}

void Sender::measure(const SendWindow::Outcome& outcome, Time now) {
  const bool used = 2 * (window_.in_flight() + outcome.arrived_bytes) >= congestion_window_.bytes();
  if (outcome.round_trip) {
    const Time line = line_time(outcome.ahead, rate_);
    const Time round_trip = std::max(*outcome.round_trip - line, Time(0));
    if (round_trip_.measures(now - *outcome.round_trip)) round_trip_.measured(round_trip);
    delivery_.measured(outcome.delivered, outcome.delivered_in);
    const Time shortest = round_trip_.shortest().value_or(round_trip);
    queue_grows_ = round_trip > shortest + kMaxQueueing;
    congestion_window_.set_least(line_bytes(shortest + kAnswerTime, rate_));
  }
  if (used && !queue_grows_) congestion_window_.arrived(outcome.arrived_bytes);
}

void Sender::count(const SendWindow::Outcome& outcome) {
  if (outcome.drop) congestion_window_.halve();
  for (const SendWindow::Outcome::Fate& fate : outcome.fates) {
    if (fate.arrived)
      frame_size_.arrived(fate.line_bytes);
    else
      frame_size_.lost(fate.line_bytes);
    if (!fate.dense || !dense_code_) continue;
    dense_fates_ = dense_fates_ << 1 | (fate.arrived ? 0 : 1);
    if (std::popcount(dense_fates_) > kMaxDenseLosses) dense_code_.reset();
  }
}

// ---- no answers

Time Sender::timeout() const {
  const Time wait = hurry_ && window_.only_finish_left()
                        ? std::max(round_trip_.single_timeout(), kHurriedTimeout)
                        : round_trip_.timeout();
  return wait + line_time(window_.in_flight(), rate_ > 0 ? rate_ : delivery_.bytes_per_second());
}

std::optional<Time> Sender::next_deadline() const {
  if (!window_.waiting() || window_.probing()) return std::nullopt;
  return timer_from_ + timeout();
}

bool Sender::tick(Time now) {
  const auto deadline = next_deadline();
  if (!deadline || now < *deadline) return false;
  if (round_trip_.timeouts() == 0) congestion_window_.restart();
  round_trip_.timed_out(std::exchange(spoiled_, false), now);
  // Shorter and shorter: maybe the line spoils what is long.
  const int shift = std::min(2 * round_trip_.timeouts(), 16);
  window_.probe(std::max(space().best_text >> shift, FrameSize::kMinText));
  return true;
}

Time Sender::retransmission_time() const {
  // It may have measured no round trip yet.
  const Time wait = 2 * std::max(round_trip_.single_timeout(), RoundTrip::kFirstTimeout);
  return wait + line_time(2 * kMaxBodyText, rate_);
}

bool Sender::has_given_up(Time now) const {
  return window_.waiting() && round_trip_.timeouts() >= kManyTimeouts &&
         now - progress_at_ >= kGiveUpTimeout;
}

}  // namespace subunit::link
