#include "common/run/worker.h"

#include "common/base/transition.h"

namespace subunit::run {

bool Worker::go(Step step) {
  static constexpr Transition<State, Step> kTransitions[] = {
      {State::kGreeting, Step::kAttach, State::kGreeting},
      {State::kRecycling, Step::kAttach, State::kGreeting},
      {State::kGone, Step::kAttach, State::kGreeting},
      {State::kStarting, Step::kAttach, State::kGreeting},
      {State::kLost, Step::kAttach, State::kGreeting},
      {State::kGreeting, Step::kAnswer, State::kOpen},
      {State::kOpen, Step::kReplace, State::kReplacing},
      {State::kGreeting, Step::kRecycle, State::kRecycling},
      {State::kOpen, Step::kRecycle, State::kRecycling},
      {State::kGone, Step::kRestart, State::kStarting},
      {State::kRecycling, Step::kKeep, State::kOpen},
      {State::kGreeting, Step::kEnd, State::kGone},
      {State::kOpen, Step::kEnd, State::kGone},
      {State::kReplacing, Step::kEnd, State::kStarting},
      {State::kRecycling, Step::kEnd, State::kStarting},
      {State::kGone, Step::kEnd, State::kGone},
      {State::kStarting, Step::kEnd, State::kGone},
      {State::kGreeting, Step::kLose, State::kLost},
      {State::kOpen, Step::kLose, State::kLost},
      {State::kReplacing, Step::kLose, State::kLost},
      {State::kRecycling, Step::kLose, State::kLost},
      {State::kGone, Step::kLose, State::kLost},
      {State::kStarting, Step::kLose, State::kLost},
  };
  const auto to = next_state(kTransitions, state_, step);
  if (to) state_ = *to;
  return to.has_value();
}

bool Worker::can_progress() const {
  return state_ != State::kGone && state_ != State::kLost;
}

}  // namespace subunit::run
