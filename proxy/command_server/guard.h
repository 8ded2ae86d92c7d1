#pragma once

#include <sys/types.h>

#include <optional>

#include "proxy/io/child.h"

namespace proxy {

/// A process beside this one which cleans up if this one comes to a sudden end. It kills a process
/// group: a command has one of its own, which a signal for our group does not reach. And it removes
/// a folder.
class Guard {
 public:
  explicit Guard(uv_loop_t& loop) : child_(loop, [](const Ending&) {}) {}

  [[nodiscard]] subunit::Result<> start(const std::string& folder);

  /// From now on it is this group, or none.
  void watch(std::optional<pid_t> group);

 private:
  Fd orders_;
  Child child_;
};

}  // namespace proxy
