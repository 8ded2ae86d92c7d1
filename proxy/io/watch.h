#pragma once

#include <functional>
#include <list>

#include "proxy/io/handle.h"
#include "proxy/posix/fd.h"

namespace proxy {

/// Notices, without writing, that nobody reads the other end of a pipe, socket or terminal any
/// more. A socket whose other end has only finished sending is still read.
class HangupWatch {
 public:
  /// `gone` is called once.
  HangupWatch(uv_loop_t& loop, Fd fd, std::function<void()> gone);
  void stop() { handle_.close(); }

 private:
  void check();

  std::function<void()> gone_;
  Fd fd_;
  Handle<uv_poll_t> handle_;
};

/// The signals by which somebody wants this process to end: TERM, INT, HUP, and QUIT if that is
/// asked for. As with SignalWatch, those that it was started to ignore stay ignored.
class StopSignals {
 public:
  enum class Which { kUsual, kAndQuit };
  /// `arrived` gets the signal's name, "SIGTERM".
  StopSignals(uv_loop_t& loop, std::function<void(const char* name)> arrived,
              Which which = Which::kUsual);

 private:
  std::list<SignalWatch> watches_;
};

/// Waits until a descriptor can be read from or written to.
class ReadinessWatch {
 public:
  /// `events`: UV_READABLE or UV_WRITABLE. `ready` is called again and again while it is.
  ReadinessWatch(uv_loop_t& loop, int fd, int events, std::function<void()> ready);
  void stop() { handle_.close(); }

 private:
  std::function<void()> ready_;
  Handle<uv_poll_t> handle_;
};

}  // namespace proxy
