#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>

#include "proxy/io/handle.h"
#include "proxy/posix/log.h"
#include "proxy/posix/process_family.h"

namespace proxy {

/// Processes that test servers, or the tests, have left behind: daemons, children of processes that
/// have ended.
///
/// This process is their subreaper (prctl(2)): whoever has lost his parent becomes its child, even
/// in a session of his own. That is how they are found, and ended, when the run is over. Until then
/// they may be there on purpose. Those that end before are waited for, here and where this is the
/// first process of a container, so that no test sees a process that has ended and still exists.
class Leftovers {
 public:
  struct Events {
    std::function<bool(pid_t)> is_awaited;  ///< this child is somebody's who waits for it himself
    std::function<void()> over;             ///< once, in a later turn of the loop than end()
  };

  Leftovers(uv_loop_t& loop, const Log& log, Events events);

  /// All servers have ended. TERM, and KILL after `grace`, to all that is left, but for `guard`.
  void end(subunit::Time grace, pid_t guard);
  /// Waits for nothing any more.
  void hurry();

  [[nodiscard]] bool over() const { return over_; }

 private:
  void reap();
  [[nodiscard]] bool has_children() const;
  void step();
  void set_over();

  const Log& log_;
  Events events_;
  SignalWatch child_signal_;
  Timer reap_timer_;
  Timer step_timer_;
  ProcessFamily family_;
  std::optional<FamilyTermination> termination_;
  pid_t guard_ = 0;
  bool over_ = false;
};

}  // namespace proxy
