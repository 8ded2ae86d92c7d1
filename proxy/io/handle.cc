#include "proxy/io/handle.h"

#include <csignal>

#include "common/base/running_clock.h"

namespace proxy {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using subunit::Time;

namespace {

/// That this process is stopped concerns all that is in it, so there is one, as there is one clock
/// of the system.
subunit::RunningClock& running_clock() {
  static subunit::RunningClock clock;
  return clock;
}

/// libuv's timers are as exact as this, and may fire so much earlier.
constexpr Time kResolution = milliseconds(1);

}  // namespace

Time precise_now() {
  return running_clock().read(nanoseconds(uv_hrtime()));
}

Loop::Loop() {
  uv_loop_init(&loop_);
  uv_idle_init(&loop_, no_wait_.get());
  uv_unref(no_wait_.base());
  uv_prepare_init(&loop_, before_wait_.get());
  before_wait_.get()->data = this;
  uv_prepare_start(before_wait_.get(),
                   [](uv_prepare_t* prepare) { static_cast<Loop*>(prepare->data)->before_wait(); });
  uv_unref(before_wait_.base());
}

void Loop::before_wait() {
  (void)precise_now();  // until here it ran, or was stopped
  uv_idle_stop(no_wait_.get());
  const int timeout = uv_backend_timeout(&loop_);
  // libuv also says 0 if it has to wait for a descriptor that is new, and waits all the same. In
  // the next turn it is not new any more.
  if (timeout == 0) uv_idle_start(no_wait_.get(), [](uv_idle_t*) {});
  const Time system = nanoseconds(uv_hrtime());
  running_clock().wait(system,
                       timeout < 0 ? std::nullopt : std::optional(system + milliseconds(timeout)));
}

Loop::~Loop() {
  before_wait_.close();
  no_wait_.close();
  // The handles are closed, and freed in the callbacks that run here.
  uv_run(&loop_, UV_RUN_DEFAULT);
  [[maybe_unused]] const int status = uv_loop_close(&loop_);
  assert(status == 0);
}

Timer::Timer(uv_loop_t& loop, std::function<void()> fired) : fired_(std::move(fired)) {
  uv_timer_init(&loop, handle_.get());
  handle_.get()->data = this;
}

void Timer::start(Time delay) {
  due_ = precise_now() + delay;
  arm(delay);
}

void Timer::arm(Time delay) {
  const auto wait = std::chrono::ceil<milliseconds>(delay).count();
  uv_timer_start(
      handle_.get(), [](uv_timer_t* timer) { static_cast<Timer*>(timer->data)->check(); },
      wait > 0 ? static_cast<std::uint64_t>(wait) : 0, 0);
}

/// libuv's clock has gone on while this process was stopped.
void Timer::check() {
  const Time left = due_ - precise_now();
  left >= kResolution ? arm(left) : fired_();
}

void Timer::stop() {
  uv_timer_stop(handle_.get());
}

bool Timer::running() const {
  return uv_is_active(handle_.base());
}

SignalWatch::SignalWatch(uv_loop_t& loop, int signal, std::function<void()> arrived)
    : arrived_(std::move(arrived)) {
  struct sigaction current {};
  ::sigaction(signal, nullptr, &current);
  if (current.sa_handler == SIG_IGN && signal != SIGCHLD) return;
  uv_signal_init(&loop, handle_.get());
  handle_.get()->data = this;
  uv_signal_start(
      handle_.get(),
      [](uv_signal_t* watch, int) { static_cast<SignalWatch*>(watch->data)->arrived_(); }, signal);
}

}  // namespace proxy
