#pragma once

#include <uv.h>

#include <cassert>
#include <chrono>
#include <functional>
#include <memory>

#include "common/base/time.h"
#include "common/subunit/packet.h"

namespace proxy {

/// Owns a libuv handle of type T, from its initialisation on. Destruction closes it; the memory is
/// freed in libuv's close callback, which runs in a later turn of the loop. After destruction no
/// callback of the handle runs any more.
template <typename T>
class Handle {
 public:
  Handle() : handle_(std::make_unique<T>()) {}
  Handle(Handle&&) = delete;
  ~Handle() { close(); }

  [[nodiscard]] T* get() const { return handle_.get(); }
  [[nodiscard]] uv_handle_t* base() const { return reinterpret_cast<uv_handle_t*>(get()); }
  explicit operator bool() const { return handle_ != nullptr; }

  void close() {
    if (!handle_) return;
    uv_handle_t* const closing = base();
    if (closing->type == UV_UNKNOWN_HANDLE) return;  // was never initialised
    (void)handle_.release();
    uv_close(closing, [](uv_handle_t* handle) { delete reinterpret_cast<T*>(handle); });
  }

 private:
  std::unique_ptr<T> handle_;
};

/// The clock of all time-outs, as common/ wants it. It stands still while this process is stopped;
/// see RunningClock.
[[nodiscard]] subunit::Time precise_now();

/// Owns an event loop. Everything that uses it must be gone before it.
class Loop {
 public:
  Loop();
  Loop(const Loop&) = delete;
  ~Loop();

  [[nodiscard]] uv_loop_t& get() { return loop_; }

  void run_until(const std::function<bool()>& over) {
    while (!over()) uv_run(&loop_, UV_RUN_ONCE);
  }

 private:
  void before_wait();

  uv_loop_t loop_;
  Handle<uv_prepare_t> before_wait_;  // tells the clock how long the loop is going to wait
  Handle<uv_idle_t> no_wait_;         // while it is active, the loop does not wait
};

/// The time of day, for packets that this program writes itself.
inline subunit::Timestamp wall_clock() {
  using std::chrono::duration_cast;
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds = duration_cast<std::chrono::seconds>(since_epoch);
  return {.seconds = static_cast<std::uint32_t>(seconds.count()),
          .nanoseconds = static_cast<std::uint32_t>(
              duration_cast<std::chrono::nanoseconds>(since_epoch - seconds).count())};
}

/// Calls back once, unless stopped before.
class Timer {
 public:
  Timer(uv_loop_t& loop, std::function<void()> fired);

  /// Replaces a start before. Fires in a later turn of the loop, even for zero. `delay` is on the
  /// clock of precise_now().
  void start(subunit::Time delay);
  void stop();
  [[nodiscard]] bool running() const;

 private:
  void arm(subunit::Time delay);
  void check();

  std::function<void()> fired_;
  subunit::Time due_{};
  Handle<uv_timer_t> handle_;
};

/// Calls back for each arrival of a signal, instead of what the signal does by itself. A signal
/// that this process was started to ignore stays ignored: nohup(1) relies on that for SIGHUP, and a
/// client that handles ^C itself for SIGINT. SIGCHLD is always watched.
class SignalWatch {
 public:
  SignalWatch(uv_loop_t& loop, int signal, std::function<void()> arrived);

 private:
  std::function<void()> arrived_;
  Handle<uv_signal_t> handle_;
};

}  // namespace proxy
