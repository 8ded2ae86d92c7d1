#include "common/link/reader/frame_reader.h"

#include <algorithm>
#include <cstring>

#include "common/link/reader/line_bytes.h"

namespace subunit::link {
namespace {

// So many candidates may wait for their repair at once: one that is real, and marks that stand in
// the noise around and inside of it.
constexpr std::size_t kMaxBroken = 8;

// Repair may look at so many bytes for each one that has come, saved up to so many (and the last
// try may go a frame's size beyond). A frame that is wrapped at 80 columns has 50 line ends, and
// may be tried with each of them.
constexpr std::int64_t kWorkPerByte = 32;

// How far a candidate may reach: what is held beyond is the beginning of an escape sequence.
constexpr std::uint64_t kReach = FrameReader::kMaxHeld - kMaxEscapeSequence;

}  // namespace

void FrameReader::receive(Bytes bytes, Time now) {
  if (bytes.empty()) return;
  held_.receive(bytes);
  stalls_at_ = now + kStallTimeout;
}

std::optional<Time> FrameReader::next_deadline() const {
  return output_.settled() < held_.end() ? stalls_at_ : std::nullopt;
}

void FrameReader::tick(Time now) {
  if (stalls_at_ && now >= *stalls_at_) abandoned_before_ = held_.end();
}

std::optional<FrameReader::Event> FrameReader::next_event() {
  while (output_.empty()) {
    held_.forget(output_.settled());
    if (advance()) continue;
    if (output_.settled() >= abandoned_before_) return std::nullopt;
    give_up_oldest();
  }
  return output_.take(held_);
}

/// One step. False if there is none before more has come.
bool FrameReader::advance() {
  if (output_.at_line_end()) return output_.pass_line_end(held_);
  if (candidate_.active()) return read_candidate();
  return oldest() ? scan() : skip_text();
}

/// Where no candidate waits: as far as the next '#'.
bool FrameReader::skip_text() {
  cursor_ = std::max(cursor_, output_.settled());
  if (cursor_ == held_.end()) return false;
  const Bytes text = held_.from(cursor_);
  if (const void* mark = std::memchr(text.data(), kFrameMark[0], text.size())) {
    cursor_ += static_cast<const std::uint8_t*>(mark) - text.data();
    release(cursor_);
    begin(cursor_);
  } else {
    cursor_ = output_.end_of_text(held_, held_.end());
    release(cursor_);
  }
  return true;
}

// Candidates.

/// Takes what starts at `start`, a '#', for a frame until the contrary is known.
void FrameReader::begin(StreamPosition start) {
  if (accept_contiguous(start)) return;
  candidate_.begin(start);
  cursor_ = start + 1;
  at_line_start_ = run_may_end_ = false;
}

/// The usual case: all of a frame is there, and nothing in between.
bool FrameReader::accept_contiguous(StreamPosition start) {
  const Bytes held = held_.from(start);
  if (held.size() < kFrameOverhead - 1 || held[1] != kFrameMark[1]) return false;
  const auto header = read_frame_header(held.subspan(kFrameMark.size(), kHeaderText));
  if (!header) return false;
  const std::size_t end = kFrameMark.size() + header->text_size();
  if (held.size() <= end || held[end] != kFrameEnd) return false;
  const auto frame = read_frame_text(*header, held.subspan(kFrameMark.size(), header->text_size()),
                                     dense_code_, body_);
  if (!frame) return false;
  accept(*frame, {start, start + end + 1}, {});
  return true;
}

void FrameReader::accept(const Frame& frame, StreamRange extent, StreamRange run) {
  release(extent.begin);
  output_.frame(frame, extent, run);
  candidate_.stop();
  broken_.clear();
  lone_mark_.reset();
  cursor_ = extent.end;
  ++counts_.frames;
  if (run.size() > 0) ++counts_.repaired;
}

bool FrameReader::read_candidate() {
  const StreamPosition limit = *oldest() + kReach;
  switch (candidate_.read(held_, cursor_, std::min(limit, held_.end()))) {
    case FrameCandidate::Step::kNeedsMore:
      if (cursor_ < limit) return false;
      give_up_oldest();
      return true;
    case FrameCandidate::Step::kEnd:
      if (const auto frame = candidate_.frame(dense_code_, body_)) {
        accept(*frame, {candidate_.start(), cursor_ + 1}, candidate_.run());
      } else {
        break_candidate();
      }
      return true;
    case FrameCandidate::Step::kForeign:
      break_candidate();
      return true;
  }
  return true;
}

/// The byte at cursor_ does not belong to the candidate. scan() looks at it again.
void FrameReader::break_candidate() {
  candidate_.stop();
  if (!candidate_.dense()) {
    if (candidate_.has_line_end()) note_line_end();
    at_line_start_ = candidate_.at_line_start();
  }
  if (!candidate_.marked()) {
    set_lone_mark();
    return;
  }
  broken_.push_back(
      {candidate_.start(), candidate_.text_at(), cursor_, candidate_.run().size() == 0});
  // What it took for its body may be the rest of others. It had no '#'.
  if (candidate_.dense()) cursor_ = candidate_.text_at();
  while (broken_.size() > kMaxBroken) give_up_oldest();
}

/// Looks for what goes on where broken candidates wait.
bool FrameReader::scan() {
  const StreamPosition limit = *oldest() + kReach;
  while (cursor_ < std::min(limit, held_.end())) {
    const std::uint8_t next = held_[cursor_];
    ByteKind kind = byte_kind(next);
    std::size_t size = 1;
    if (kind == ByteKind::kEscape) {
      const auto sequence = escape_sequence(held_.from(cursor_));
      if (!sequence) return false;
      size = std::max<std::size_t>(1, *sequence);
      if (*sequence == 0) kind = ByteKind::kForeign;
    }
    if (next == '\n') {
      note_line_end();
    } else if (kind == ByteKind::kDigit || kind == ByteKind::kForeign) {
      if (lone_mark_ && lone_mark_->line_ended && decide_lone_mark()) return true;
      at_line_start_ = false;
      if (next == kFrameMark[0]) {
        begin(cursor_);
        return true;
      }
      if (next == kFrameEnd && run_may_end_ && repair()) return true;
      if (kind == ByteKind::kForeign) run_may_end_ = false;
    }
    cursor_ += size;
  }
  if (cursor_ < limit) return false;
  give_up_oldest();
  return true;
}

void FrameReader::note_line_end() {
  at_line_start_ = true;
  run_may_end_ = true;
  if (lone_mark_) lone_mark_->line_ended = true;
}

/// At a ';' that may end a broken candidate.
bool FrameReader::repair() {
  if (cursor_ > worked_until_) {
    const auto come = static_cast<std::int64_t>(cursor_ - worked_until_);
    work_left_ = std::min(work_left_ + kWorkPerByte * come, kMaxRepairWork);
    worked_until_ = cursor_;
  }
  for (const Broken& broken : broken_) {
    if (work_left_ <= 0) return false;
    if (!broken.repairable) continue;
    const auto found = repair_.find(held_.range(broken.text_at, cursor_),
                                    static_cast<std::uint64_t>(work_left_), body_);
    counts_.repair_work += repair_.cost();
    work_left_ -= static_cast<std::int64_t>(repair_.cost());
    if (!found) continue;
    accept(found->frame, {broken.start, cursor_ + 1},
           {broken.text_at + found->run_begin, broken.text_at + found->run_end});
    return true;
  }
  return false;
}

/// The candidate is a '#' that something else than '%' follows, at cursor_.
void FrameReader::set_lone_mark() {
  const bool bracket = held_[cursor_] == '[';
  if (candidate_.has_line_end() && !bracket) return;
  if (!lone_mark_ || (bracket && !lone_mark_->bracket))
    lone_mark_ = LoneMark{candidate_.start(), bracket, false};
}

/// At what follows the line of the lone mark. True if something has become of that.
bool FrameReader::decide_lone_mark() {
  const std::uint8_t next = held_[cursor_];
  if (at_line_start_ && next == kFrameMark[1]) {
    join_lone_mark();
    return true;
  }
  if (at_line_start_ && next == '[' && lone_mark_->bracket) {
    lone_mark_->line_ended = false;  // the kernel goes on
    return false;
  }
  lone_mark_.reset();
  release(oldest().value_or(cursor_));
  return true;
}

/// The '%' at cursor_ is that of the lone mark. The lines in between are noise.
void FrameReader::join_lone_mark() {
  const StreamPosition mark = lone_mark_->at;
  lone_mark_.reset();
  StreamPosition line = cursor_;  // behind the first LF of those that end here
  for (StreamPosition at = cursor_; byte_kind(held_[at - 1]) == ByteKind::kIgnored; --at)
    if (held_[at - 1] == '\n') line = at;
  std::erase_if(broken_, [&](const Broken& broken) { return broken.start > mark; });
  candidate_.begin_behind_run(mark, {mark + 1, line}, cursor_ + 1);
  ++cursor_;
  at_line_start_ = run_may_end_ = false;
}

// Noise.

std::optional<StreamPosition> FrameReader::oldest() const {
  std::optional<StreamPosition> first;
  const auto consider = [&](StreamPosition start) {
    first = std::min(start, first.value_or(start));
  };
  if (candidate_.active()) consider(candidate_.start());
  if (!broken_.empty()) consider(broken_.front().start);
  if (lone_mark_) consider(lone_mark_->at);
  return first;
}

/// Makes noise of what was waited for longest.
void FrameReader::give_up_oldest() {
  const auto first = oldest();
  if (!first) {
    release(held_.end());
    return;
  }
  if (lone_mark_ && lone_mark_->at == *first) {
    lone_mark_.reset();
    release(oldest().value_or(cursor_));
    return;
  }
  if (candidate_.active() && candidate_.start() == *first) {
    candidate_.stop();
    if (candidate_.marked()) broken_.push_back({*first, candidate_.text_at(), cursor_, false});
  }
  StreamPosition to = candidate_.active() ? candidate_.start() : cursor_;
  if (broken_.size() > 1) to = std::min(to, broken_[1].start);
  if (lone_mark_) to = std::min(to, lone_mark_->at);
  release(to);
}

/// Makes noise of everything up to there.
void FrameReader::release(StreamPosition to) {
  while (!broken_.empty() && broken_.front().start < to) {
    const Broken broken = broken_.front();
    broken_.erase(broken_.begin());
    const StreamPosition limit = broken_.empty() ? to : std::min(to, broken_.front().start);
    output_.noise(held_, broken.start, LineNoise::Class::kText);
    output_.noise(held_, end_of_damage(broken, limit), LineNoise::Class::kDamaged);
    ++counts_.damaged;
  }
  output_.noise(held_, to, LineNoise::Class::kText);
  if (lone_mark_ && lone_mark_->at < to) lone_mark_.reset();
}

/// A damaged frame ends behind its ';' and its line end, or behind the line in which it broke.
StreamPosition FrameReader::end_of_damage(const Broken& broken, StreamPosition limit) const {
  for (StreamPosition at = std::min(broken.at, limit); at < limit; ++at) {
    if (held_[at] == '\n') return at + 1;
    if (held_[at] == kFrameEnd) return end_of_line_end(held_, at + 1, limit);
  }
  return limit;
}

}  // namespace subunit::link
