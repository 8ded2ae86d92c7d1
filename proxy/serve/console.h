#pragma once

#include <array>
#include <optional>
#include <string>

#include "proxy/channel/link_relay.h"
#include "proxy/io/watch.h"
#include "proxy/posix/log.h"
#include "proxy/serve/daemon_process.h"
#include "proxy/terminal/terminal.h"

namespace proxy {

/// The serve end of the console link. A terminal that it runs on is in raw mode as long as this
/// lives; nobody else is to begin to watch signals before that.
class Console {
 public:
  /// `in` and `out`: the line. `daemon` is to outlive this.
  /// `grace`: what the daemon's servers have to end.
  Console(uv_loop_t& loop, const LinkSettings& settings, Fd in, Fd out, DaemonProcess& daemon,
          subunit::Time grace, const Log& log);

  /// Turn the loop until this is true: link and daemon have ended, by force if it takes too long.
  [[nodiscard]] bool over() const { return relay_.over() && finishing_; }

  /// Gives the terminal back as it was, and then tells how it went.
  void leave();

 private:
  void signalled(std::string_view name);
  void finish_after_daemon();
  void look();
  void reapply();
  void warn_of_echo(bool here);

  const Log& log_;
  DaemonProcess& daemon_;
  const subunit::Time grace_;
  // In the order of being entered: what comes later has to be restored first.
  std::optional<RawMode> in_mode_, out_mode_;
  LinkRelay relay_;
  StopSignals signals_;
  SignalWatch continued_;
  SignalWatch child_signal_;
  Timer look_timer_;
  Timer farewell_timer_;
  Timer kill_timer_;
  int signals_seen_ = 0;
  bool finishing_ = false;
};

}  // namespace proxy
