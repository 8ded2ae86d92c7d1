#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>

#include "common/run/hooks/hooks.h"
#include "proxy/io/child.h"
#include "proxy/io/stream.h"
#include "proxy/posix/process_family.h"

namespace proxy {

/// A command of Hooks, in a session of its own: ^C at the terminal is for this process alone. It
/// reads from /dev/null, and what it writes is handed out.
class HookProcess {
 public:
  struct Events {
    std::function<void(subunit::Bytes)> printed;
    /// Once. What the command had printed until then has been handed out; what it has left running
    /// may print more. The text says what has failed, for people.
    std::function<void(const std::optional<std::string>& failure)> ended;
  };

  HookProcess(uv_loop_t& loop, Events events);

  [[nodiscard]] subunit::Result<> start(const subunit::run::Hooks::Start& command);

  /// TERM to it and all that it has started, and KILL after `grace`; at once if that is zero in a
  /// later call. Its end is that of all of them.
  void stop(subunit::Time grace);

  /// What it has left running, for people; "" if nothing. It takes a look at all processes.
  [[nodiscard]] std::string left_running();

 private:
  void step();
  void check_end();

  uv_loop_t& loop_;
  Events events_;
  Child child_;
  ProcessFamily family_;
  std::optional<FamilyTermination> termination_;  // once it was told to end
  Timer step_timer_;
  std::array<std::uint8_t, 16 << 10> room_;
  std::optional<Reader> output_;
};

}  // namespace proxy
