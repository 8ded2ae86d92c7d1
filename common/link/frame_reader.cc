#include "common/link/frame_reader.h"

#include <algorithm>
#include <cstring>

#include "common/link/line_bytes.h"

namespace subunit {
namespace {

// So many candidates may wait for their repair at once: one that is real, and marks that stand in
// the noise around and inside of it.
constexpr std::size_t kMaxBroken = 8;

// How far behind a frame its line end is looked for, when foreign lines have come in between.
constexpr std::uint64_t kMaxLines = 2048;

// Repair may look at so many bytes for each one that has come, and at so many at any time. A frame
// that is wrapped at 80 columns has 50 line ends, and with each of them it may be tried.
constexpr std::uint64_t kWorkPerByte = 32;
constexpr std::uint64_t kFreeWork = 1 << 20;

// How far a candidate may reach: what is held beyond is the beginning of an escape sequence.
constexpr std::uint64_t kReach = FrameReader::kMaxHeld - kMaxEscapeSequence;

}  // namespace

void FrameReader::receive(Bytes bytes, Time now) {
  if (bytes.empty()) return;
  std::memcpy(buffer_.prepare(bytes.size()).data(), bytes.data(), bytes.size());
  buffer_.commit(bytes.size());
  received_ += bytes.size();
  stalls_at_ = now + kStallTimeout;
}

std::optional<Time> FrameReader::next_deadline() const {
  return settled_ < received_ ? stalls_at_ : std::nullopt;
}

void FrameReader::tick(Time now) {
  if (settled_ < received_ && stalls_at_ && now >= *stalls_at_) doomed_ = received_;
}

std::optional<FrameReader::Event> FrameReader::next_event() {
  for (;;) {
    if (next_output_ < outputs_.size()) {
      const Output& output = outputs_[next_output_++];
      if (output.is_frame) return frame_;
      return LineNoise{bytes(output.range.begin, output.range.end), output.noise_class};
    }
    outputs_.clear();
    next_output_ = 0;
    buffer_.consume(settled_ - held_from());
    if (advance()) continue;
    if (settled_ >= doomed_) return std::nullopt;
    give_up_oldest();
  }
}

/// One step. False if there is none before more has come.
bool FrameReader::advance() {
  switch (line_end_) {
    case LineEnd::kNext:
    case LineEnd::kNextAfterCr:
      return pass_line_end();
    case LineEnd::kAfterLine:
      return pass_line_end_after_line();
    case LineEnd::kPassed:
    case LineEnd::kAfterText:
      break;
  }
  if (candidate_.active) return read_candidate();
  return oldest() ? scan() : skip_text();
}

// The line end, directly behind a frame.

bool FrameReader::pass_line_end() {
  if (settled_ == received_) return false;
  const std::uint8_t next = byte(settled_);
  std::size_t size = 0;
  if (next == '\n') {
    line_end_ = LineEnd::kPassed;
    size = 1;
  } else if (next == '\r') {
    line_end_ = LineEnd::kNextAfterCr;
    size = 1;
  } else if (line_end_ == LineEnd::kNextAfterCr) {
    line_end_ = LineEnd::kPassed;  // LF has become CR
  } else if (byte_kind(next) == ByteKind::kIgnored) {
    size = 1;
  } else if (byte_kind(next) == ByteKind::kEscape) {
    const auto sequence = escape_sequence(bytes(settled_, received_));
    if (!sequence) return false;
    size = *sequence;
    if (size == 0) line_end_ = LineEnd::kAfterText;
  } else {
    line_end_ = LineEnd::kAfterText;
  }
  take_as_frame(settled_ + size);
  return true;
}

bool FrameReader::pass_line_end_after_line() {
  if (settled_ >= line_end_before_) {
    line_end_ = LineEnd::kPassed;
    return true;
  }
  if (settled_ == received_) return false;
  const Position end = end_of_line_end(settled_, received_);
  if (end == settled_) {
    const Bytes next = bytes(settled_, std::min(received_, settled_ + 3));
    if (next.size() < 3 && std::all_of(next.begin(), next.end(), [](auto b) { return b == '\r'; }))
      return false;
  }
  line_end_ = end == settled_ ? LineEnd::kAfterText : LineEnd::kPassed;
  take_as_frame(end);
  return true;
}

/// Behind LF, CR LF or CR CR LF at `at`; `at` if none of these is there.
FrameReader::Position FrameReader::end_of_line_end(Position at, Position limit) const {
  Position end = at;
  while (end < limit && end < at + 2 && byte(end) == '\r') ++end;
  return end < limit && byte(end) == '\n' ? end + 1 : at;
}

void FrameReader::take_as_frame(Position to) {
  counts_.frame_bytes += to - settled_;
  settled_ = to;
  cursor_ = std::max(cursor_, to);
}

// Between frames.

bool FrameReader::skip_text() {
  if (cursor_ == received_) return false;
  const Bytes text = bytes(cursor_, received_);
  if (const void* mark = std::memchr(text.data(), kFrameMark[0], text.size())) {
    cursor_ += static_cast<const std::uint8_t*>(mark) - text.data();
    release(cursor_);
    begin(cursor_);
    return true;
  }
  cursor_ = received_;
  if (line_end_ == LineEnd::kAfterText) {
    // CR behind a line may belong to the line end of the frame.
    Position line = received_;
    while (line > settled_ && byte(line - 1) == '\r') --line;
    if (line > settled_ && byte(line - 1) == '\n') cursor_ = line;
  }
  release(cursor_);
  return true;
}

/// Looks for what goes on where broken candidates wait.
bool FrameReader::scan() {
  const Position limit = *oldest() + kReach;
  while (cursor_ < received_ && cursor_ < limit) {
    const std::uint8_t next = byte(cursor_);
    const ByteKind kind = byte_kind(next);
    std::size_t size = 1;
    if (kind == ByteKind::kIgnored) {
      if (next == '\n') note_line();
    } else if (kind == ByteKind::kEscape) {
      const auto sequence = escape_sequence(bytes(cursor_, received_));
      if (!sequence) return false;
      size = std::max<std::size_t>(1, *sequence);
      if (*sequence == 0) run_may_end_ = false;
    } else {
      if (lone_mark_ && lone_mark_->line_ended && decide_lone_mark(next)) return true;
      note_character();
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

void FrameReader::note_line() {
  fresh_line_ = true;
  run_may_end_ = true;
  candidate_.saw_line = true;
  if (lone_mark_) lone_mark_->line_ended = true;
}

// Candidates.

/// Takes what starts at `start`, a '#', for a frame until the contrary is known.
void FrameReader::begin(Position start) {
  if (accept_contiguous(start)) return;
  candidate_.active = true;
  candidate_.marked = candidate_.saw_line = candidate_.in_body = false;
  candidate_.start = start;
  candidate_.run = {};
  candidate_.text.clear();
  candidate_.needed = kHeaderText;
  candidate_.header.reset();
  note_character();
  run_may_end_ = false;
  cursor_ = start + 1;
}

/// The usual case: all of a frame is there, and nothing in between.
bool FrameReader::accept_contiguous(Position start) {
  const Bytes held = bytes(start, received_);
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

bool FrameReader::read_candidate() {
  const Position limit = *oldest() + kReach;
  while (cursor_ < received_ && cursor_ < limit) {
    const std::uint8_t next = byte(cursor_);
    if (candidate_.in_body && !ignored_in_dense(next)) {
      if (never_sent()[next]) {
        break_candidate();
        return true;
      }
      candidate_.text.push_back(next);
      candidate_.in_body = candidate_.text.size() < candidate_.needed - kCrcText;
      note_character();
      ++cursor_;
      continue;
    }
    std::size_t size = 1;
    ByteKind kind = byte_kind(next);
    if (kind == ByteKind::kEscape) {
      const auto sequence = escape_sequence(bytes(cursor_, received_));
      if (!sequence) return false;
      size = *sequence;
      if (size == 0) kind = ByteKind::kForeign;
    } else if (next == '\n') {
      note_line();
    }
    if (kind == ByteKind::kDigit ? !read_digit(next)
                                 : kind == ByteKind::kForeign && !read_foreign(next))
      return true;
    cursor_ += size;
  }
  if (cursor_ < limit) return false;
  give_up_oldest();
  return true;
}

/// False if the candidate ends before it.
bool FrameReader::read_digit(std::uint8_t byte) {
  if (!candidate_.marked) {
    set_lone_mark(byte);
    return false;
  }
  Buffer& text = candidate_.text;
  if (text.size() == candidate_.needed || (text.empty() && !is_frame_type(byte))) {
    break_candidate();
    return false;
  }
  text.push_back(byte);
  note_character();
  if (text.size() != kHeaderText) return true;
  candidate_.header = read_frame_header(text);
  if (!candidate_.header) {
    break_candidate();
    return false;
  }
  candidate_.needed = candidate_.header->text_size();
  candidate_.in_body =
      candidate_.header->frame.type == Frame::Type::kDense && candidate_.header->body_text > 0;
  return true;
}

/// The same.
bool FrameReader::read_foreign(std::uint8_t byte) {
  if (!candidate_.marked) {
    if (byte == kFrameMark[1]) {
      candidate_.marked = true;
      candidate_.text_at = cursor_ + 1;
      note_character();
      return true;
    }
    set_lone_mark(byte);
    return false;
  }
  if (byte != kFrameEnd || candidate_.text.size() != candidate_.needed || !finish())
    break_candidate();
  return false;
}

/// At its ';'.
bool FrameReader::finish() {
  const auto frame = read_frame_text(*candidate_.header, candidate_.text, dense_code_, body_);
  if (!frame) return false;
  accept(*frame, {candidate_.start, cursor_ + 1}, candidate_.run);
  return true;
}

/// The byte at cursor_ does not belong to the candidate. It is looked at again.
void FrameReader::break_candidate() {
  candidate_.active = false;
  broken_.push_back({candidate_.start, candidate_.text_at, cursor_, candidate_.run.size() == 0});
  while (broken_.size() > kMaxBroken) give_up_oldest();
}

/// At a ';' that may end a broken candidate.
bool FrameReader::repair() {
  for (const Broken& broken : broken_) {
    const std::uint64_t most = kWorkPerByte * cursor_ + kFreeWork;
    if (work_ >= most) return false;
    if (!broken.repairable) continue;
    const auto found = repair_.find(bytes(broken.text_at, cursor_), most - work_, body_);
    work_ += repair_.cost();
    if (!found) continue;
    accept(found->frame, {broken.start, cursor_ + 1},
           {broken.text_at + found->run_begin, broken.text_at + found->run_end});
    return true;
  }
  return false;
}

/// The candidate is a '#' that `next` follows, which stands at cursor_.
void FrameReader::set_lone_mark(std::uint8_t next) {
  candidate_.active = false;
  const bool bracket = next == '[';
  if (candidate_.saw_line && !bracket) return;
  if (!lone_mark_ || (bracket && !lone_mark_->bracket))
    lone_mark_ = LoneMark{candidate_.start, bracket, false};
}

/// `next` stands at cursor_, in a line behind that of the lone mark. True if something comes of it.
bool FrameReader::decide_lone_mark(std::uint8_t next) {
  if (fresh_line_ && next == '[' && lone_mark_->bracket) {
    lone_mark_->line_ended = false;  // the kernel goes on
    return false;
  }
  const Position mark = lone_mark_->at;
  lone_mark_.reset();
  if (!fresh_line_ || next != kFrameMark[1]) {
    release(oldest().value_or(cursor_));
    return true;
  }
  const Position percent = cursor_;
  Position line = cursor_;  // the first one of those that end here
  for (Position at = cursor_; at > mark && byte_kind(byte(at - 1)) == ByteKind::kIgnored; --at)
    if (byte(at - 1) == '\n') line = at;
  std::erase_if(broken_, [&](const Broken& broken) { return broken.start > mark; });
  begin(mark);
  candidate_.marked = true;
  candidate_.run = {mark + 1, line};
  cursor_ = percent + 1;
  return true;
}

void FrameReader::accept(const Frame& frame, Range extent, Range run) {
  release(extent.begin);
  frame_ = frame;
  outputs_.push_back({.range = extent, .noise_class = {}, .is_frame = true});
  push_noise(run, LineNoise::Class::kText);
  candidate_.active = false;
  broken_.clear();
  lone_mark_.reset();
  settled_ = cursor_ = extent.end;
  line_end_ = LineEnd::kNext;
  line_end_before_ = extent.end + kMaxLines;
  ++counts_.frames;
  if (run.size() > 0) ++counts_.repaired;
  counts_.frame_bytes += extent.size() - run.size();
}

// Noise.

std::optional<FrameReader::Position> FrameReader::oldest() const {
  std::optional<Position> first;
  if (candidate_.active) first = candidate_.start;
  if (!broken_.empty()) first = std::min(broken_.front().start, first.value_or(received_));
  if (lone_mark_) first = std::min(lone_mark_->at, first.value_or(received_));
  return first;
}

/// Makes noise of what was waited for longest.
void FrameReader::give_up_oldest() {
  const auto from = oldest();
  if (!from) {
    if (line_end_ != LineEnd::kPassed) line_end_ = LineEnd::kAfterText;
    cursor_ = received_;
    release(received_);
    return;
  }
  if (lone_mark_ && lone_mark_->at == *from) {
    lone_mark_.reset();
    release(oldest().value_or(cursor_));
    return;
  }
  if (candidate_.active && candidate_.start == *from) {
    candidate_.active = false;
    if (candidate_.marked) broken_.insert(broken_.begin(), {*from, *from, cursor_, false});
  }
  Position to = candidate_.active ? candidate_.start : cursor_;
  if (broken_.size() > 1) to = std::min(to, broken_[1].start);
  if (lone_mark_) to = std::min(to, lone_mark_->at);
  release(to);
}

/// Makes noise of everything up to there.
void FrameReader::release(Position to) {
  while (!broken_.empty() && broken_.front().start < to) {
    const Broken broken = broken_.front();
    broken_.erase(broken_.begin());
    const Position limit = broken_.empty() ? to : std::min(to, broken_.front().start);
    put_noise(broken.start, LineNoise::Class::kText);
    put_noise(end_of_damage(broken, limit), LineNoise::Class::kDamaged);
    ++counts_.damaged;
  }
  put_noise(to, LineNoise::Class::kText);
  if (lone_mark_ && lone_mark_->at < to) lone_mark_.reset();
}

/// A damaged frame ends behind its ';' and its line end, or behind the line in which it broke.
FrameReader::Position FrameReader::end_of_damage(const Broken& broken, Position limit) const {
  for (Position at = std::min(broken.at, limit); at < limit; ++at) {
    if (byte(at) == '\n') return at + 1;
    if (byte(at) == kFrameEnd) return end_of_line_end(at + 1, limit);
  }
  return limit;
}

void FrameReader::put_noise(Position to, LineNoise::Class noise_class) {
  if (line_end_ != LineEnd::kPassed) put_noise_after_frame(to, noise_class);
  push_noise({settled_, to}, noise_class);
  settled_ = to;
}

/// Takes the line end of the last frame out of what goes to noise, if it is there, and puts there
/// what stands before.
void FrameReader::put_noise_after_frame(Position to, LineNoise::Class noise_class) {
  for (Position at = settled_; at < to && at < line_end_before_; ++at) {
    if (line_end_ == LineEnd::kAfterLine) {
      if (const Position end = end_of_line_end(at, to); end != at) {
        push_noise({settled_, at}, noise_class);
        settled_ = at;
        take_as_frame(end);
        line_end_ = LineEnd::kPassed;
        return;
      }
    }
    line_end_ = byte(at) == '\n' ? LineEnd::kAfterLine : LineEnd::kAfterText;
  }
  if (to > line_end_before_) line_end_ = LineEnd::kPassed;
}

void FrameReader::push_noise(Range range, LineNoise::Class noise_class) {
  if (range.size() > 0)
    outputs_.push_back({.range = range, .noise_class = noise_class, .is_frame = false});
}

}  // namespace subunit
