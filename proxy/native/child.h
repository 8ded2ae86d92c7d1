#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "proxy/native/suite.h"
#include "proxy/posix/fd.h"

namespace proxy::native {

/// A process that does a Run, or a part of it, and writes the packets to a line of its own. It is
/// killed when this process ends.
class Child {
 public:
  /// Forks. The child closes `connection`, does `work` with its end of the line, and ends without
  /// what is registered for the end of the program: that belongs to this process. Nothing may be in
  /// the buffers of stdout and stderr, or both would print it.
  [[nodiscard]] static subunit::Result<Child> fork(int connection,
                                                   const std::function<void(Fd line)>& work);

  /// For a process with threads, which a forked one would not have: starts the program afresh, with
  /// the same arguments. It finds what it is to do by Assignment::take().
  [[nodiscard]] static subunit::Result<Child> execute(const std::vector<std::string>& ids);

  Child(Child&&) = default;
  Child& operator=(Child&&) = delete;
  /// Kills it, if it has not been waited for.
  ~Child();

  /// Non-blocking; readable when packets have come.
  [[nodiscard]] int line() const { return line_.get(); }
  /// Readable once the process has ended.
  [[nodiscard]] int process() const { return process_.get(); }

  /// To a child that waits until its packets were written.
  void acknowledge() const;

  void signal(int number) const;

  /// Waits for the end; the wait status.
  [[nodiscard]] int wait();

 private:
  Child(pid_t pid, Fd process, Fd line)
      : pid_(pid), process_(std::move(process)), line_(std::move(line)) {}
  struct Ends {
    Fd parent;
    Fd child;
  };
  static subunit::Result<Ends> make_line();
  static subunit::Result<Child> start(Ends line, const std::function<void(Fd line)>& in_child);

  pid_t pid_;
  Fd process_;
  Fd line_;
};

/// What Child::execute() has started this process for.
struct Assignment {
  Fd line;
  std::vector<std::string> ids;

  /// Nothing if this process was started by somebody else.
  [[nodiscard]] static std::optional<Assignment> take();
};

/// The child's end of the line.
class ChildLine final : public Line {
 public:
  explicit ChildLine(Fd fd) : fd_(std::move(fd)) {}

  /// Ends this process if its parent is gone.
  void send(subunit::Bytes packets, bool wait) override;
  /// The parent stops a child by ending it.
  [[nodiscard]] bool stopped() override { return false; }

  /// The Run is done.
  void complete();

 private:
  Fd fd_;
};

}  // namespace proxy::native
