#include "common/link/arq/send_window.h"

#include <algorithm>
#include <limits>

namespace subunit::link {
namespace {

constexpr std::size_t kUsualStream = 1 << 20;

}  // namespace

SendWindow::SendWindow(std::uint32_t first)
    : stream_(kUsualStream),
      limit_(Acknowledgement::kFirstRoom),
      first_(unwrapped_start(first)),
      next_(first_) {}

void SendWindow::queue(Bytes payload) {
  const std::span<std::uint8_t> room = stream_.prepare(payload.size());
  std::copy(payload.begin(), payload.end(), room.begin());
  stream_.commit(payload.size());
}

Bytes SendWindow::unsent() const {
  return stream_.held().subspan(next_offset_ - base_);
}

Bytes SendWindow::view(const Entry& entry) const {
  return stream_.held().subspan(entry.offset - base_, entry.length);
}

bool SendWindow::blocked() const {
  return queued() > 0 && entries_.empty() && limit_ <= next_offset_;
}

bool SendWindow::only_finish_left() const {
  if (finish_arrived_) return true;
  return finish_sent_ && entries_.size() == 1 && entries_.begin()->second.finish;
}

// ---- sending

std::optional<SendWindow::Piece> SendWindow::next(const BodySpace& space) {
  if (!lost_.empty()) return next_lost(space);
  return next_new(space);
}

std::optional<SendWindow::Piece> SendWindow::next_lost(const BodySpace& space) {
  const std::uint64_t number = probe_ ? *probe_ : *lost_.begin();
  Entry& entry = entries_.at(number);
  const Bytes payload = view(entry);
  const std::size_t best = space.fitting(payload, space.best_text);
  const bool too_long = space.fitting(payload, space.most_text) < payload.size();
  if (payload.size() > kBlock && (too_long || payload.size() > 2 * best))
    cut(number, std::max(best / kBlock, std::size_t{1}) * kBlock);
  return Piece{number, view(entry), entry.finish, true};
}

std::optional<SendWindow::Piece> SendWindow::next_new(const BodySpace& space) const {
  if (finish_sent_ || entries_.size() >= kMaxFrames) return std::nullopt;
  if (more_gaps_ && !entries_.empty()) return std::nullopt;  // it could not tell of more
  const Bytes payload = unsent();
  if (payload.empty()) {
    if (!finish_wanted_) return std::nullopt;
    return Piece{next_, {}, true, false};
  }
  std::size_t size = space.fitting(payload, space.best_text);
  const std::uint64_t room = limit_ - std::min(limit_, next_offset_);
  if (size > room) {
    // Better a long frame soon than a short one now, as long as there will be an answer.
    if (room == 0 || !entries_.empty()) return std::nullopt;
    size = room;
  }
  return Piece{next_, payload.first(size), false, false};
}

/// Makes two of one that is lost: `size`, which is whole blocks, and the rest.
void SendWindow::cut(std::uint64_t number, std::size_t size) {
  Entry& entry = entries_.at(number);
  if (size >= entry.length) return;
  Entry rest = entry;
  rest.offset += size;
  rest.length -= size;
  rest.line_bytes = entry.line_bytes * rest.length / entry.length;
  entry.length = size;
  entry.line_bytes -= rest.line_bytes;
  const std::uint64_t at = number + blocks_of(size);
  lost_.insert(at);
  entries_.emplace(at, rest);
}

void SendWindow::probe(std::size_t text) {
  const auto oldest = std::find_if(entries_.begin(), entries_.end(), [](const auto& entry) {
    return entry.second.state != State::kArrived;
  });
  if (oldest == entries_.end()) return;
  const auto& [number, entry] = *oldest;
  probe_ = number;
  const State was = entry.state;
  if (was == State::kLost) return;
  put(number, oldest->second, State::kLost);
  oldest->second.doubtful = true;
  if (entry.length <= kBlock) return;
  // Always a part of it: if that alone is confirmed, it was not the whole that has come late.
  const std::size_t most = (entry.blocks() - 1) * kBlock;
  cut(number, std::clamp(text / 4 * 3 / kBlock * kBlock, kBlock, most));
  const auto rest = std::next(oldest);
  rest->second.doubtful = false;
  put(rest->first, rest->second, was);
}

void SendWindow::sent(const Piece& piece, std::size_t line_bytes, bool dense, Time now) {
  if (!piece.again) {
    entries_.emplace(piece.number, Entry{.offset = next_offset_,
                                         .length = piece.payload.size(),
                                         .whole = piece.number,
                                         .state = State::kLost,
                                         .finish = piece.finish});
    next_ += blocks_of(piece.payload.size());
    next_offset_ += piece.payload.size();
    finish_sent_ |= piece.finish;
  }
  const auto at = entries_.find(piece.number);
  if (at == entries_.end() || at->second.state != State::kLost) return;  // came after all
  if (probe_ == piece.number) probe_.reset();
  if (in_flight_ == 0) delivered_at_ = now;

  Entry& entry = at->second;
  entry.dense = dense;
  ++entry.times;
  entry.order = order_++;
  entry.at = now;
  entry.line_bytes = line_bytes;
  put(piece.number, entry, State::kOnLine);
  entry.ahead = in_flight_;
  entry.delivered = delivered_;
  entry.delivered_at = delivered_at_;
}

void SendWindow::put(std::uint64_t number, Entry& entry, State state) {
  if (entry.state == State::kOnLine) {
    on_line_.erase(entry.order);
    in_flight_ -= entry.line_bytes;
  } else if (entry.state == State::kUnknown) {
    unknown_.erase(number);
  } else if (entry.state == State::kLost) {
    lost_.erase(number);
  }
  entry.state = state;
  if (state == State::kOnLine) {
    on_line_.emplace(entry.order, number);
    in_flight_ += entry.line_bytes;
  } else if (state == State::kUnknown) {
    unknown_.insert(number);
  } else if (state == State::kLost) {
    lost_.insert(number);
  }
}

// ---- what has become of it

const SendWindow::Outcome* SendWindow::acknowledge(std::uint32_t awaited,
                                                   const Acknowledgement* more, Time shortest,
                                                   Time now) {
  const std::uint64_t number = unwrapped(first_, awaited);
  if (number > next_) return nullptr;
  std::vector<Outcome::Fate> fates = std::move(outcome_.fates);  // for its memory
  fates.clear();
  outcome_ = {.fates = std::move(fates)};
  arrived_.clear();

  arrive_between(0, number, now);
  std::uint64_t horizon = number;  // up to there we know
  if (more) {
    for (const Acknowledgement::SackBlock& run : more->sack) {
      const std::uint64_t from = horizon + run.skip;
      horizon = from + run.count;
      if (horizon <= next_) arrive_between(from, horizon, now);
    }
    more_gaps_ = more->sack.size() == Acknowledgement::kMaxSackBlocks;
    if (!more_gaps_) horizon = std::numeric_limits<std::uint64_t>::max();
  }
  judge_arrived(shortest, now);
  if (number >= first_) {
    forget_before(number);
    if (more) limit_ = std::max(limit_, base_ + more->room);
    lose_unproven(horizon);
  }
  return &outcome_;
}

void SendWindow::arrive_between(std::uint64_t from, std::uint64_t to, Time now) {
  for (auto at = entries_.lower_bound(from); at != entries_.end(); ++at) {
    if (at->first + at->second.blocks() > to) return;
    if (at->second.state != State::kArrived) arrive(at, now);
  }
}

void SendWindow::arrive(Entries::iterator at, Time now) {
  Entry& entry = at->second;
  if (probe_ == at->first) probe_.reset();
  put(at->first, entry, State::kArrived);
  delivered_ += entry.line_bytes;
  delivered_at_ = now;
  outcome_.arrived_bytes += entry.line_bytes;
  outcome_.fates.push_back({entry.line_bytes, entry.dense, true});
  arrived_.push_back(at);
}

/// Whether it was the last transmission that has arrived.
bool SendWindow::sure(Entries::const_iterator at, Time shortest, Time now) const {
  const Entry& entry = at->second;
  if (!entry.doubtful) return true;
  const auto rest = std::next(at);
  if (rest != entries_.end() && rest->second.whole == entry.whole)
    return rest->second.state != State::kArrived;  // or else the whole has come, late
  return now - entry.at >= shortest;
}

void SendWindow::judge_arrived(Time shortest, Time now) {
  const Entry* latest = nullptr;
  for (const auto at : arrived_) {
    const Entry& entry = at->second;
    if (!sure(at, shortest, now)) continue;
    proven_ = std::max(proven_, entry.order);
    if (entry.times == 1 && (!latest || entry.order > latest->order)) latest = &entry;
  }
  if (!latest) return;
  outcome_.round_trip = now - latest->at;
  outcome_.ahead = latest->ahead;
  outcome_.delivered = delivered_ - latest->delivered;
  outcome_.delivered_in = now - latest->delivered_at;
}

/// What was sent before something that has arrived is on the line no more. If it stands before
/// `horizon`, and was not said to have arrived, it never will.
void SendWindow::lose_unproven(std::uint64_t horizon) {
  while (!on_line_.empty() && on_line_.begin()->first < proven_) {
    const std::uint64_t number = on_line_.begin()->second;
    put(number, entries_.at(number), State::kUnknown);
  }
  while (!unknown_.empty() && *unknown_.begin() < horizon) lose(*unknown_.begin());
}

void SendWindow::lose(std::uint64_t number) {
  Entry& entry = entries_.at(number);
  put(number, entry, State::kLost);
  entry.doubtful = false;
  outcome_.fates.push_back({entry.line_bytes, entry.dense, false});
  if (entry.order < drop_after_) return;
  outcome_.drop = true;
  drop_after_ = order_;
}

void SendWindow::forget_before(std::uint64_t awaited) {
  std::uint64_t offset = base_;
  auto at = entries_.begin();
  for (; at != entries_.end() && at->first + at->second.blocks() <= awaited; ++at) {
    offset = at->second.offset + at->second.length;
    finish_arrived_ |= at->second.finish;  // and so has all before it
  }
  entries_.erase(entries_.begin(), at);
  stream_.consume(offset - base_);
  base_ = offset;
  first_ = awaited;
}

}  // namespace subunit::link
