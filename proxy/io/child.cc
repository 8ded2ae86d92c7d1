#include "proxy/io/child.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "common/base/text.h"

namespace proxy {

using subunit::error;
using subunit::Result;

std::string Ending::text() const {
  if (signal) return fmt::format("was killed by SIG{} ({})", ::sigabbrev_np(*signal), *signal);
  return fmt::format("exited with status {}", exit.value_or(0));
}

namespace {

/// posix_spawn's attributes, freed at the end of the scope.
struct Attributes {
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
  Attributes() {
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_init(&actions);
  }
  Attributes(const Attributes&) = delete;
  ~Attributes() {
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
  }
};

/// Ignores a signal while in scope: what a process ignores when it starts another, that one
/// ignores too. One that comes meanwhile is not lost: while it is blocked, it waits.
class Ignored {
 public:
  Ignored(int signal, bool wanted) : signal_(wanted ? signal : 0) {
    if (!signal_) return;
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, signal_);
    ::pthread_sigmask(SIG_BLOCK, &blocked, &mask_before_);
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(signal_, &ignore, &before_);
  }
  Ignored(const Ignored&) = delete;
  ~Ignored() {
    if (!signal_) return;
    ::sigaction(signal_, &before_, nullptr);
    ::pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
  }

 private:
  int signal_;
  struct sigaction before_ {};
  sigset_t mask_before_{};
};

/// The signals that are at their default in a command. nohup(1) has HUP ignored, also by all that
/// its command starts.
sigset_t signals_at_default(bool ignores_interrupt) {
  sigset_t signals;
  sigfillset(&signals);
  struct sigaction hangup {};
  ::sigaction(SIGHUP, nullptr, &hangup);
  if (hangup.sa_handler == SIG_IGN) sigdelset(&signals, SIGHUP);
  if (ignores_interrupt) sigdelset(&signals, SIGINT);
  return signals;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> result;
  result.reserve(words.size() + 1);
  for (std::string& word : words) result.push_back(word.data());
  result.push_back(nullptr);
  return result;
}

/// This process's environment, with `settings` in place of variables of the same name.
std::vector<std::string> environment(const Command& command) {
  std::vector<std::string> lines;
  for (char** line = environ; *line; ++line) {
    const std::string_view text = *line;
    bool replaced = false;
    for (const auto& [name, value] : command.settings)
      replaced |= text.starts_with(name) && text.substr(name.size()).starts_with('=');
    if (!replaced) lines.emplace_back(text);
  }
  for (const auto& [name, value] : command.settings)
    if (value) lines.push_back(fmt::format("{}={}", name, *value));
  return lines;
}

}  // namespace

Child::Child(uv_loop_t& loop, std::function<void(const Ending&)> ended)
    : ended_(std::move(ended)),
      child_signal_(loop, SIGCHLD, [this] { reap(); }),
      kill_timer_(loop, [this] { kill(); }) {}

Result<> Child::start(const Command& command) {
  Attributes spawn;
  // Tests of signals have to find them as in a shell, whatever this program was started with.
  const sigset_t defaults = signals_at_default(command.ignores_interrupt);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigdefault(&spawn.attributes, &defaults);
  posix_spawnattr_setsigmask(&spawn.attributes, &none);
  own_group_ = command.own_session || !command.terminal.empty();
  posix_spawnattr_setflags(&spawn.attributes,
                           static_cast<short>(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                                              (own_group_ ? POSIX_SPAWN_SETSID : 0)));
  if (command.terminal.empty()) {
    posix_spawn_file_actions_adddup2(&spawn.actions, command.in, 0);
    posix_spawn_file_actions_adddup2(&spawn.actions, command.out, 1);
  } else {
    // The first terminal that the leader of a session opens controls it.
    posix_spawn_file_actions_addopen(&spawn.actions, 0, command.terminal.c_str(), O_RDWR, 0);
    posix_spawn_file_actions_adddup2(&spawn.actions, 0, 1);
  }
  posix_spawn_file_actions_adddup2(&spawn.actions, command.err, 2);
  if (!command.folder.empty())
    posix_spawn_file_actions_addchdir_np(&spawn.actions, command.folder.c_str());

  std::vector<std::string> words = command.words;
  std::vector<std::string> lines = environment(command);
  const Ignored interrupt(SIGINT, command.ignores_interrupt);
  const int status = posix_spawnp(&pid_, words[0].c_str(), &spawn.actions, &spawn.attributes,
                                  pointers(words).data(), pointers(lines).data());
  if (status == 0) return {};
  pid_ = 0;
  return error("cannot start \"{}\": {}{}", subunit::escaped(words[0]), std::strerror(status),
               status == ENOEXEC ? " (a script needs a first line such as #!/bin/sh)" : "");
}

void Child::reap() {
  int status = 0;
  if (!running() || ::waitpid(pid_, &status, WNOHANG) != pid_) return;
  ending_.emplace();
  if (WIFSIGNALED(status)) {
    ending_->signal = WTERMSIG(status);
  } else {
    ending_->exit = WEXITSTATUS(status);
  }
  ended_(*ending_);
}

void Child::terminate(subunit::Time grace) {
  if (grace_ && grace >= *grace_) return;
  grace_ = grace;
  send(SIGTERM);
  send(SIGCONT);  // a stopped process does not see TERM
  kill_timer_.start(grace);
}

void Child::kill() {
  send(SIGKILL);
  killed_ = true;
}

void Child::send(int signal) {
  if (own_group_ && pid_ > 0) {
    ::kill(-pid_, signal);
  } else if (running()) {
    ::kill(pid_, signal);
  }
}

bool Child::group_alive() const {
  return own_group_ && pid_ > 0 && !killed_ && ::kill(-pid_, 0) == 0;
}

namespace {

Result<Pipe> create_pipe(int flags, std::optional<int> capacity) {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC | flags) != 0)
    return error("cannot make a pipe: {}", std::strerror(errno));
  Pipe pipe{Fd(fds[0]), Fd(fds[1])};
  if (capacity) ::fcntl(fds[0], F_SETPIPE_SZ, *capacity);  // a smaller one works too
  return pipe;
}

}  // namespace

Result<Pipe> Pipe::create(std::optional<int> capacity) {
  return create_pipe(0, capacity);
}

Result<Pipe> Pipe::create_stepwise() {
  // Each write has a page of its own (O_DIRECT of pipe(2)), and there is no more than one.
  return create_pipe(O_DIRECT, 1);
}

}  // namespace proxy
