#pragma once

#include <sys/types.h>

#include <atomic>
#include <memory>
#include <optional>

#include "common/base/result.h"
#include "proxy/channel/link_relay.h"
#include "proxy/io/child.h"

namespace proxy {

/// On a console, the daemon with its test servers is a process of its own, and the one that was
/// started by the console has the link. What the daemon has said is on its way, and is sent again
/// if the line damages it, even if a test has killed the daemon meanwhile: over a slow line that
/// may take longer than the next tests. And the terminal is given back as it was.
///
/// A fork without an exec: there is no loop and no thread yet.
class DaemonProcess {
 public:
  /// In the daemon, 0 and 1 are no longer the line. It is in a session of its own, which no signal
  /// of the terminal reaches: what is for it, is sent to it. It notifies no service manager, to
  /// which it would be a stranger.
  [[nodiscard]] static subunit::Result<DaemonProcess> fork();

  DaemonProcess(DaemonProcess&&) = default;
  DaemonProcess& operator=(DaemonProcess&&) = delete;

  /// This is the daemon.
  [[nodiscard]] bool inside() const { return pid_ == 0; }

  /// In the daemon: from and to the client. In the other: from and to the daemon. Once.
  [[nodiscard]] LinkRelay::Payload take_payload() { return std::move(payload_); }

  /// The client has all that the daemon has said: the one process tells the other.
  void set_idle(bool idle) { *idle_ = idle; }
  [[nodiscard]] bool idle() const { return *idle_; }

  // Outside of the daemon only.

  /// Waits until the daemon has said something. False if it has ended without a word. Before
  /// take_payload().
  [[nodiscard]] bool wait_for_word() const;
  void send(int signal) const;
  /// The daemon has ended, and need not be waited for any more.
  [[nodiscard]] bool ended();
  /// Waits until it has.
  [[nodiscard]] Ending wait();

 private:
  /// Memory that both processes see. Not of bool: riscv64 has no instructions for that.
  using SharedFlag = std::atomic<int>;
  struct Unmap {
    void operator()(SharedFlag* shared) const;
  };
  using Shared = std::unique_ptr<SharedFlag, Unmap>;

  explicit DaemonProcess(Shared idle) : idle_(std::move(idle)) {}
  bool reap(int options);

  Shared idle_;
  LinkRelay::Payload payload_;
  pid_t pid_ = 0;
  std::optional<Ending> ending_;
};

}  // namespace proxy
