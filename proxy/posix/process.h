#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace proxy {

/// A process, as /proc/PID/stat has it (proc(5)).
struct Process {
  pid_t pid;
  char state;  ///< 'Z': it has ended, and was not waited for
  pid_t parent;
  pid_t session;
  long ticks;                     ///< CPU time, with that of children that have ended
  unsigned long long started_at;  ///< since boot; with this, nobody else is taken for it later

  [[nodiscard]] bool ended() const { return state == 'Z' || state == 'X'; }
};

/// Nothing once it was waited for.
[[nodiscard]] std::optional<Process> read_process(pid_t pid);

/// All of the system, which takes some ten microseconds each.
[[nodiscard]] std::vector<Process> read_processes();

/// The processes that have this parent. Cheaper than the above, where the kernel has the list
/// (CONFIG_PROC_CHILDREN).
[[nodiscard]] std::vector<pid_t> children_of(pid_t parent);

/// Its command line and number, for people.
[[nodiscard]] std::string describe_process(pid_t pid);

}  // namespace proxy
