#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <set>
#include <string>

#include "common/base/time.h"

namespace proxy {

/// Processes with all that they have started, whatever sessions of their own these have made.
///
/// A process is of the family if its parent is, or its session was begun by one of the family. One
/// whose parent has ended has another parent then, and may have another session. So somebody has to
/// look before that: the nearest ancestor that is a subreaper (prctl(2)) becomes the parent, and
/// has it among its children.
class ProcessFamily {
 public:
  /// A process that leads a session, or is a child of a subreaper whose family this is.
  void add(pid_t pid);

  /// A process that leads a session, and may have ended already, which leaves the session to
  /// others.
  void add_session(pid_t leader) { sessions_.insert(leader); }

  /// All children of this process are of the family, but not the process itself, and not `except`.
  void set_ancestor(pid_t ancestor, pid_t except);

  /// Looks for them among all processes of the system. Returns whether there are new ones.
  bool find();

  /// Forgets those that have ended.
  void forget_ended();

  void send(int signal) const;

  /// As of the last find().
  [[nodiscard]] bool empty() const { return members_.empty(); }
  /// For people; not all of very many.
  [[nodiscard]] std::string describe() const;

 private:
  std::map<pid_t, unsigned long long> members_;  // with the time of their start
  std::set<pid_t> sessions_;                     // that members have begun
  std::optional<pid_t> ancestor_;
  pid_t except_ = 0;
};

/// Ends a family: TERM, and after a grace period KILL, to all that it has become by then.
class FamilyTermination {
 public:
  FamilyTermination(ProcessFamily& family, subunit::Time grace) : family_(family), grace_(grace) {}

  /// Does what is to be done at `now`, and returns when to call it again; nothing once none is
  /// left, or nothing more can be done: what is left does not die of KILL, or belongs to another
  /// user.
  [[nodiscard]] std::optional<subunit::Time> step(subunit::Time now);

  [[nodiscard]] bool begun() const { return begun_.has_value(); }

  /// The grace period is over.
  void hurry() { grace_ = subunit::Time(0); }

 private:
  void kill();

  ProcessFamily& family_;
  subunit::Time grace_;
  std::optional<subunit::Time> begun_;
  std::optional<subunit::Time> killed_;
};

}  // namespace proxy
