#include "proxy/io/handle.h"

#include <csignal>

namespace proxy {

Timer::Timer(uv_loop_t& loop, std::function<void()> fired) : fired_(std::move(fired)) {
  uv_timer_init(&loop, handle_.get());
  handle_.get()->data = this;
}

void Timer::start(subunit::Time delay) {
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(delay).count();
  uv_timer_start(
      handle_.get(), [](uv_timer_t* timer) { static_cast<Timer*>(timer->data)->fired_(); },
      milliseconds > 0 ? static_cast<std::uint64_t>(milliseconds) : 0, 0);
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
