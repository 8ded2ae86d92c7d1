#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "proxy/io/child.h"

namespace proxy {

/// A process beside this one which cleans up if this one comes to a sudden end, by SIGKILL for
/// instance: it ends all processes that this one has started, and those that they have started, in
/// whatever sessions of their own, and removes a folder.
///
/// It is in a session of its own, so that it survives the end of our process group. When it is
/// needed, our children have got another parent and can no longer be found by that. So it is told
/// which sessions we have begun, and looks every now and then at which children we have.
class GuardProcess {
 public:
  explicit GuardProcess(uv_loop_t& loop) : child_(loop, [](const Ending&) {}) {}
  GuardProcess(const GuardProcess&) = delete;
  /// An end in good order: what is still there may stay.
  ~GuardProcess();

  /// `folder`: to be removed; empty: none.
  [[nodiscard]] subunit::Result<> start(const std::string& folder = "");

  /// A child of ours that leads a session. To be told right after its start.
  void watch(pid_t leader);

  /// 0 while there is none.
  [[nodiscard]] pid_t pid() const { return child_.running() ? child_.pid() : 0; }

 private:
  void send(std::string_view line);

  Fd orders_;
  Child child_;
};

/// What it is sent, a line each, beside numbers of processes: that there is nothing to clean up.
inline constexpr std::string_view kDismissed = "dismissed";

}  // namespace proxy
