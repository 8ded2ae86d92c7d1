#pragma once

#include <array>
#include <optional>
#include <string>

#include "proxy/channel/link_relay.h"
#include "proxy/io/watch.h"
#include "proxy/posix/log.h"
#include "proxy/terminal/terminal.h"

namespace proxy {

/// The serve end of the console link. A terminal that it runs on is in raw mode as long as this
/// lives; nobody else is to begin to watch signals before that.
class Console {
 public:
  /// `in` and `out`: the line.
  Console(uv_loop_t& loop, const LinkSettings& settings, Fd in, Fd out, const Log& log);

  /// The client's end of the channel, as far as a Daemon can tell. Once.
  [[nodiscard]] subunit::Result<LinkRelay::Payload> connect();

  /// All is said, and waits in the channel. It ends as the link does, or at once if there is none.
  void finish();
  /// There is nothing to be said any more.
  void abandon(std::string_view why) { relay_.abandon(why); }

  /// The client has all that was sent to it.
  [[nodiscard]] bool idle() const { return relay_.idle(); }

  /// Turn the loop until this is true.
  [[nodiscard]] bool over() const { return relay_.over(); }

  /// Gives the terminal back as it was, and then tells how it went.
  void leave();

 private:
  void signalled(std::string_view name);
  void look();
  void reapply();
  void warn_of_echo(bool here);

  const Log& log_;
  // In the order of being entered: what comes later has to be restored first.
  std::optional<RawMode> in_mode_, out_mode_;
  LinkRelay relay_;
  StopSignals signals_;
  SignalWatch continued_;
  Timer look_timer_;
  Timer farewell_timer_;
  int signals_seen_ = 0;
  bool finishing_ = false;
};

}  // namespace proxy
