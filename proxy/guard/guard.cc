#include "proxy/guard/guard.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <string_view>

#include "proxy/guard/guard_process.h"
#include "proxy/posix/folder.h"
#include "proxy/posix/process.h"
#include "proxy/posix/process_family.h"

namespace proxy {

using subunit::Time;

namespace {

// How old what is known of the parent's children may be. One that is made and whose parent ends
// within this time before our parent does is missed, if it has left its session, too.
constexpr auto kPoll = std::chrono::milliseconds(250);

constexpr Time kGrace = std::chrono::seconds(1);  // between TERM and KILL

class Guard {
 public:
  explicit Guard(pid_t parent) : parent_(parent) {}

  /// Returns at the end of the parent: whether that came without its leave.
  bool wait() {
    while (read_orders()) {
      family_.forget_ended();
      note_children();
    }
    return !dismissed_;
  }

  /// Returns what is left.
  const ProcessFamily& end_family() {
    FamilyTermination termination(family_, kGrace);
    while (const auto next = termination.step(now())) {
      const auto pause = std::chrono::ceil<std::chrono::milliseconds>(*next - now());
      ::poll(nullptr, 0, static_cast<int>(std::max<std::int64_t>(pause.count(), 0)));
    }
    return family_;
  }

 private:
  static Time now() { return std::chrono::steady_clock::now().time_since_epoch(); }

  /// Waits for a while. False at the end of file.
  bool read_orders() {
    pollfd readable{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    if (::poll(&readable, 1, static_cast<int>(kPoll.count())) <= 0) return true;
    std::array<char, 4096> piece;
    const ssize_t size = ::read(STDIN_FILENO, piece.data(), piece.size());
    if (size < 0) return errno == EINTR || errno == EAGAIN;
    orders_.append(piece.data(), static_cast<std::size_t>(size));
    std::size_t end = 0;
    while ((end = orders_.find('\n')) != std::string::npos) {
      obey(std::string_view(orders_).substr(0, end));
      orders_.erase(0, end + 1);
    }
    return size > 0;
  }

  void obey(std::string_view order) {
    pid_t pid = 0;
    if (order == kDismissed) {
      dismissed_ = true;
    } else if (std::from_chars(order.data(), order.data() + order.size(), pid).ec == std::errc()) {
      family_.add(pid);
    }
  }

  /// As a subreaper, the parent becomes the parent of whoever has lost his.
  void note_children() {
    const auto children = children_of(parent_);
    if (::getppid() != parent_) return;  // they may be another one's
    for (const pid_t child : children)
      if (child != ::getpid()) family_.add(child);
  }

  const pid_t parent_;
  ProcessFamily family_;
  std::string orders_;
  bool dismissed_ = false;
};

}  // namespace

int guard(const GuardOptions& options, const Log& log) {
  // Somebody may wait for the end of what was not meant for us. Nor is a file system held.
  ::close_range(STDERR_FILENO + 1, ~0U, 0);
  [[maybe_unused]] const int moved = ::chdir("/");
  // What ends the parent in order is the parent's business.
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) std::signal(signal, SIG_IGN);
  Guard guard(options.parent);
  const bool killed = guard.wait();
  // First: a guard above this one may end us with all the others.
  if (!options.folder.empty()) remove_folder(options.folder);
  if (killed) {
    const ProcessFamily& left = guard.end_family();
    if (!left.empty())
      log.warning("the proxy was killed, and these processes cannot be ended: {}", left.describe());
  }
  return 0;
}

}  // namespace proxy
