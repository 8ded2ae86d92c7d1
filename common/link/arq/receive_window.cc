#include "common/link/arq/receive_window.h"

#include <algorithm>

namespace subunit::link {

ReceiveWindow::Verdict ReceiveWindow::receive(std::uint32_t sequence, Bytes payload, bool finish) {
  const std::uint64_t number = unwrapped(next_, sequence);
  const std::uint64_t end = number + blocks_of(payload.size());
  if (number < next_) return Verdict::kDuplicate;
  if (finished_ || number - next_ > kMaxAhead) return Verdict::kRefused;
  if (overlaps(number, end)) return Verdict::kDuplicate;
  if (received_ - taken_ + held_bytes_ + payload.size() > kMaxHeld) return Verdict::kRefused;

  if (number == next_) {
    accept(payload, finish, end);
    accept_held();
    return Verdict::kInOrder;
  }
  if (held_.size() >= kMaxFrames) return Verdict::kRefused;
  const bool new_gap = number > top_;
  held_.emplace(number, Held{Buffer(payload.begin(), payload.end()), finish, end});
  held_bytes_ += payload.size();
  top_ = std::max(top_, end);
  return new_gap ? Verdict::kGap : Verdict::kHeld;
}

bool ReceiveWindow::overlaps(std::uint64_t number, std::uint64_t end) const {
  const auto behind = held_.lower_bound(number);
  if (behind != held_.end() && behind->first < end) return true;
  return behind != held_.begin() && std::prev(behind)->second.end > number;
}

void ReceiveWindow::accept(Bytes payload, bool finish, std::uint64_t end) {
  keep();
  if (ready_.held().empty()) {
    direct_ = payload;
  } else {
    const std::span<std::uint8_t> room = ready_.prepare(payload.size());
    std::copy(payload.begin(), payload.end(), room.begin());
    ready_.commit(payload.size());
  }
  received_ += payload.size();
  finished_ = finish;
  next_ = end;
  top_ = std::max(top_, end);
}

void ReceiveWindow::accept_held() {
  while (!held_.empty() && held_.begin()->first == next_ && !finished_) {
    auto held = held_.extract(held_.begin());
    held_bytes_ -= held.mapped().payload.size();
    accept(held.mapped().payload, held.mapped().finish, held.mapped().end);
    keep();
  }
  if (finished_) {  // nothing comes behind the end
    held_.clear();
    held_bytes_ = 0;
  }
}

void ReceiveWindow::take() {
  if (direct_.empty()) ready_.consume(ready_.held().size());
  direct_ = {};
  taken_ = received_;
}

void ReceiveWindow::keep() {
  if (direct_.empty()) return;
  const std::span<std::uint8_t> room = ready_.prepare(direct_.size());
  std::copy(direct_.begin(), direct_.end(), room.begin());
  ready_.commit(direct_.size());
  direct_ = {};
}

Acknowledgement ReceiveWindow::acknowledgement() const {
  Acknowledgement out{.room = static_cast<std::uint32_t>(limit() - received_)};
  std::uint64_t end = next_;
  for (const auto& [number, held] : held_) {
    const auto count = static_cast<std::uint32_t>(held.end - number);
    if (number == end) {
      out.sack.back().count += count;
    } else if (out.sack.size() == Acknowledgement::kMaxSackBlocks) {
      break;
    } else {
      out.sack.push_back({static_cast<std::uint32_t>(number - end), count});
    }
    end = held.end;
  }
  return out;
}

}  // namespace subunit::link
