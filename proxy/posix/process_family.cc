#include "proxy/posix/process_family.h"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <utility>
#include <vector>

#include "proxy/posix/process.h"

namespace proxy {
namespace {

using subunit::Time;

constexpr int kMaxDescribed = 5;

constexpr Time kPoll = std::chrono::milliseconds(20);
constexpr Time kKillTimeout =
    std::chrono::seconds(1);  // a process that waits for a disk dies later
constexpr int kMaxStops = 100;

/// Nobody else can have this number as long as one of its process group is left.
bool group_exists(pid_t leader) {
  return ::kill(-leader, 0) == 0 || errno == EPERM;
}

}  // namespace

void ProcessFamily::add(pid_t pid) {
  if (members_.contains(pid)) return;
  const auto process = read_process(pid);
  if (!process || process->ended()) return;
  members_.emplace(pid, process->started_at);
  if (process->session == pid) sessions_.insert(pid);
}

void ProcessFamily::set_ancestor(pid_t ancestor, pid_t except) {
  ancestor_ = ancestor;
  except_ = except;
}

bool ProcessFamily::find() {
  const auto processes = read_processes();
  std::map<pid_t, unsigned long long> left;
  for (const Process& process : processes) {
    const auto known = members_.find(process.pid);
    if (known != members_.end() && known->second == process.started_at && !process.ended())
      left.insert(*known);
  }
  members_ = std::move(left);
  const auto is_new = [this](const Process& process) {
    if (process.ended() || process.pid == except_ || process.pid == ::getpid()) return false;
    return !members_.contains(process.pid) &&
           (process.parent == ancestor_ || members_.contains(process.parent) ||
            sessions_.contains(process.session));
  };
  // The children of one that is found may have been passed over before.
  bool any = false, more = true;
  while (std::exchange(more, false)) {
    for (const Process& process : processes) {
      if (!is_new(process)) continue;
      members_.emplace(process.pid, process.started_at);
      if (process.session == process.pid) sessions_.insert(process.pid);
      any = more = true;
    }
  }
  return any;
}

void ProcessFamily::forget_ended() {
  std::erase_if(members_, [](const auto& member) {
    const auto process = read_process(member.first);
    return !process || process->ended() || process->started_at != member.second;
  });
  std::erase_if(sessions_, [this](pid_t session) {
    return !members_.contains(session) && !group_exists(session);
  });
}

void ProcessFamily::send(int signal) const {
  for (const auto& [pid, start] : members_) ::kill(pid, signal);
}

std::string ProcessFamily::describe() const {
  std::string text;
  int left = kMaxDescribed;
  for (const auto& [pid, start] : members_) {
    if (left-- == 0) return text + ", ...";
    text += (text.empty() ? "" : ", ") + describe_process(pid);
  }
  return text;
}

std::optional<Time> FamilyTermination::step(Time now) {
  const bool any_new = family_.find() || !begun_;
  if (!begun_) begun_ = now;
  if (family_.empty()) return std::nullopt;
  if (killed_) {
    if (now - *killed_ >= kKillTimeout) return std::nullopt;
    if (any_new) kill();
  } else if (now - *begun_ >= grace_) {
    killed_ = now;
    kill();
  } else if (any_new) {
    family_.send(SIGTERM);
    family_.send(SIGCONT);  // a stopped process does not see TERM
  }
  return now + kPoll;
}

/// First it is stopped: else one that starts others all the time would be gone before its youngest
/// child is found, and the child no longer known to be of the family.
void FamilyTermination::kill() {
  int left = kMaxStops;
  do family_.send(SIGSTOP);
  while (family_.find() && --left > 0);
  family_.send(SIGKILL);
}

}  // namespace proxy
