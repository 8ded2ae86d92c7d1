#include "proxy/serve/leftovers.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "proxy/posix/process.h"

namespace proxy {

using subunit::Time;

Leftovers::Leftovers(uv_loop_t& loop, const Log& log, Events events)
    : log_(log),
      events_(std::move(events)),
      // In a later turn: what others wait for has been waited for by then.
      child_signal_(loop, SIGCHLD, [this] { reap_timer_.start(Time(0)); }),
      reap_timer_(loop, [this] { reap(); }),
      step_timer_(loop, [this] { step(); }) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // which every Linux knows since 2012
}

void Leftovers::reap() {
  for (;;) {
    siginfo_t ended{};
    if (::waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 || ended.si_pid == 0) return;
    // It has ended just now, and another signal comes for it.
    if (events_.is_awaited(ended.si_pid)) return;
    ::waitpid(ended.si_pid, nullptr, WNOHANG);
  }
}

void Leftovers::end(Time grace, pid_t guard) {
  if (termination_) return;
  guard_ = guard;
  family_.set_ancestor(::getpid(), guard);
  termination_.emplace(family_, grace);
  step_timer_.start(Time(0));
}

void Leftovers::hurry() {
  if (termination_) termination_->hurry();
}

bool Leftovers::has_children() const {
  const auto children = children_of(::getpid());
  return std::ranges::any_of(children, [this](pid_t child) { return child != guard_; });
}

void Leftovers::step() {
  reap();
  if (!termination_->begun()) {
    // That saves a look at all processes of the system, nearly always.
    if (!has_children()) return set_over();
    family_.find();
    if (!family_.empty())
      log_.info("ending processes that the test servers left behind: {}", family_.describe());
  }
  const auto next = termination_->step(precise_now());
  if (next) return step_timer_.start(*next - precise_now());
  if (!family_.empty())
    log_.warning("these processes, which the test servers left behind, cannot be ended: {}",
                 family_.describe());
  set_over();
}

void Leftovers::set_over() {
  over_ = true;
  events_.over();
}

}  // namespace proxy
