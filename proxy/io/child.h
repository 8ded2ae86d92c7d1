#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "proxy/io/handle.h"
#include "proxy/posix/fd.h"

namespace proxy {

/// How a process ended: an exit status or a signal.
struct Ending {
  std::optional<int> exit;
  std::optional<int> signal;

  /// "exited with status 3", "was killed by SIGSEGV (11)".
  [[nodiscard]] std::string text() const;
};

/// A command to start. All signals are at their default there, and none is blocked, even where this
/// program was started with others; but one that it was started to ignore by nohup(1), HUP, the
/// command ignores too.
struct Command {
  std::vector<std::string> words;  ///< the program (looked up in PATH) and its arguments
  /// Added to the environment, or, without a value, taken from it.
  std::vector<std::pair<std::string, std::optional<std::string>>> settings = {};
  int in = 0, out = 1, err = 2;    ///< descriptors of this process that become its 0, 1 and 2
  bool own_session = false;        ///< leads a session and process group of its own
  std::string folder = {};         ///< where it starts; "": here
  std::string terminal = {};       ///< path of one that controls its session, and is its 0 and 1
  bool ignores_interrupt = false;  ///< ignores INT: ^C at the terminal is for this process alone
};

/// A process that this one started.
class Child {
 public:
  /// `ended` is called once, after the process has ended and was waited for.
  Child(uv_loop_t& loop, std::function<void(const Ending&)> ended);

  /// An Error says why the command could not be started: not found, not executable.
  [[nodiscard]] subunit::Result<> start(const Command& command);

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool running() const { return pid_ > 0 && !ending_; }
  [[nodiscard]] const std::optional<Ending>& ending() const { return ending_; }

  /// Sends TERM, and KILL after `grace`: to the whole process group if it has its own, even after
  /// the process itself has ended, to the process alone otherwise. A later call counts only if its
  /// grace is shorter.
  void terminate(subunit::Time grace);
  void kill();

  /// True while any process of its own group is left that was not killed yet. (What is left after
  /// KILL is dead, and may stay for ever as a zombie that nobody waits for.) Always false without
  /// a group.
  [[nodiscard]] bool group_alive() const;

 private:
  void reap();
  void send(int signal);

  std::function<void(const Ending&)> ended_;
  SignalWatch child_signal_;
  Timer kill_timer_;
  pid_t pid_ = 0;
  bool own_group_ = false;
  std::optional<subunit::Time> grace_;  // once it was told to end
  bool killed_ = false;
  std::optional<Ending> ending_;
};

/// Both ends of a new pipe, close-on-exec. The pipe is made as large as the system allows up to
/// `capacity`, if that is given.
struct Pipe {
  Fd read_end;
  Fd write_end;
  [[nodiscard]] static subunit::Result<Pipe> create(std::optional<int> capacity = std::nullopt);

  /// One that holds one write, or 4 KiB of a longer one: the next write waits until that was read.
  [[nodiscard]] static subunit::Result<Pipe> create_stepwise();
};

}  // namespace proxy
