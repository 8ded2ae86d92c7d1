#include "common/schedule/fleet/worker_load.h"

#include <algorithm>

namespace subunit::schedule {
namespace {

// What passes between two tests belongs to the second, if it is not more than this: with many short
// tests it is most of what they cost. More than this was the wait for a message.
constexpr Time kMaxBetween = std::chrono::milliseconds(5);

}  // namespace

void WorkerLoad::sent(Ticket ticket, Held held, Time now) {
  if (idle()) {
    work_ = Seconds(0);  // rid of what rounding has left
    woken_ = now;
  }
  held_.emplace_hint(held_.end(), ticket, held);
  work_ += held.work;
  last_event_ = now;
}

std::optional<Seconds> WorkerLoad::started(Ticket ticket, Time now) {
  std::optional<Seconds> round_trip;
  if (woken_) round_trip = now - *woken_;
  woken_.reset();
  running_ = ticket;
  started_ = last_event_ = now;
  return round_trip;
}

std::optional<Seconds> WorkerLoad::finished(Ticket ticket, Time now) {
  std::optional<Seconds> took;
  if (running_ == ticket) {
    const Time free = last_finish_.value_or(started_);
    took = now - std::min(started_, std::max(free, started_ - kMaxBetween));
    running_.reset();
  }
  const auto found = held_.find(ticket);
  work_ -= found->second.work;
  held_.erase(found);
  last_finish_ = last_event_ = now;
  return took;
}

Seconds WorkerLoad::current() const {
  if (idle()) return Seconds(0);
  return running_ ? held_.at(*running_).work : held_.begin()->second.work;
}

}  // namespace subunit::schedule
