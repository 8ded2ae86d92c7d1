#pragma once

#include <functional>
#include <optional>

#include "proxy/io/handle.h"
#include "proxy/io/watch.h"
#include "proxy/posix/fd.h"
#include "proxy/terminal/terminal.h"

namespace proxy {

/// The keys that a person presses at the terminal that is stdin, without Enter behind them. While
/// this process is in the background, and before listen(), they are for others.
class Keys {
 public:
  /// `pressed` gets each key that is one byte.
  Keys(uv_loop_t& loop, std::function<void(char key)> pressed);
  Keys(const Keys&) = delete;

  /// From now on. Nothing happens where stdin is no terminal, nor after stop().
  void listen();
  /// The terminal is as it was. May be called from within `pressed`.
  void stop();

 private:
  void look();
  void ready();
  void pause();

  uv_loop_t& loop_;
  std::function<void(char)> pressed_;
  bool is_stopped_;
  Fd terminal_;
  std::optional<RawMode> mode_;
  std::optional<ReadinessWatch> watch_;
  bool is_watching_ = false;
  SignalWatch continued_;
  Timer look_timer_;
};

}  // namespace proxy
