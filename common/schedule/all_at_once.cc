#include "common/schedule/all_at_once.h"

#include <algorithm>

namespace subunit::schedule {

AllAtOnce::AllAtOnce(std::vector<std::optional<Time>> expected)
    : expected_(std::move(expected)),
      states_(expected_.size(), State::kWaiting),
      waiting_(expected_.size()),
      unfinished_(expected_.size()) {
  for (const auto& time : expected_) {
    if (!time) continue;
    ++informed_;
    left_ += *time;
  }
}

Dispatcher::Worker AllAtOnce::add(Place, Time now) {
  latest_end_ = now;
  return next_worker_++;
}

void AllAtOnce::remove(Worker, Time) {
  for (State& state : states_) {
    if (state != State::kSent) continue;
    state = State::kWaiting;
    ++waiting_;
  }
}

void AllAtOnce::finished(Worker, std::size_t test, Time now) {
  if (states_[test] == State::kFinished) return;
  if (states_[test] == State::kWaiting) --waiting_;
  states_[test] = State::kFinished;
  --unfinished_;
  latest_end_ = now;
  if (!expected_[test]) return;
  --informed_;
  left_ -= *expected_[test];
}

Dispatcher::Batch AllAtOnce::next(Worker, Time) {
  Batch batch;
  if (waiting_ == 0) return batch;
  for (std::size_t test = 0; test < states_.size(); ++test) {
    if (states_[test] != State::kWaiting) continue;
    states_[test] = State::kSent;
    batch.push_back(test);
  }
  waiting_ = 0;
  return batch;
}

/// Tests of unknown duration count as the mean of the others.
std::optional<Time> AllAtOnce::time_left(Time now) const {
  if (unfinished_ == 0) return Time(0);
  if (informed_ == 0) return std::nullopt;
  const double all = static_cast<double>(left_.count()) * static_cast<double>(unfinished_) /
                     static_cast<double>(informed_);
  return std::max(Time(static_cast<Time::rep>(all)) - (now - latest_end_), Time(0));
}

}  // namespace subunit::schedule
