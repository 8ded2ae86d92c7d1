#include "proxy/io/watch.h"

#include <poll.h>

#include <csignal>

namespace proxy {

HangupWatch::HangupWatch(uv_loop_t& loop, Fd fd, std::function<void()> gone)
    : gone_(std::move(gone)), fd_(std::move(fd)) {
  // Files and /dev/null cannot hang up, and cannot be waited for.
  if (uv_guess_handle(fd_.get()) == UV_FILE || uv_poll_init(&loop, handle_.get(), fd_.get()) != 0)
    return;
  handle_.get()->data = this;
  // Errors and hang-ups are always reported; libuv wants at least one event to ask for.
  uv_poll_start(handle_.get(), UV_DISCONNECT,
                [](uv_poll_t* poll, int, int) { static_cast<HangupWatch*>(poll->data)->check(); });
}

void HangupWatch::check() {
  pollfd now{.fd = fd_.get(), .events = 0, .revents = 0};
  const bool gone = ::poll(&now, 1, 0) > 0 && now.revents & (POLLERR | POLLHUP);
  // Otherwise the other end of a socket has finished sending, which would be told again and again.
  // If it stops reading too, then a write fails.
  stop();
  if (gone) gone_();
}

StopSignals::StopSignals(uv_loop_t& loop, std::function<void(const char* name)> arrived,
                         Which which) {
  const auto watch = [&](int signal, const char* name) {
    watches_.emplace_back(loop, signal, [arrived, name] { arrived(name); });
  };
  watch(SIGTERM, "SIGTERM");
  watch(SIGINT, "SIGINT");
  watch(SIGHUP, "SIGHUP");
  if (which == Which::kAndQuit) watch(SIGQUIT, "SIGQUIT");
}

ReadinessWatch::ReadinessWatch(uv_loop_t& loop, int fd, int events, std::function<void()> ready)
    : ready_(std::move(ready)) {
  uv_poll_init(&loop, handle_.get(), fd);
  handle_.get()->data = this;
  uv_poll_start(handle_.get(), events, [](uv_poll_t* poll, int, int) {
    static_cast<ReadinessWatch*>(poll->data)->ready_();
  });
}

}  // namespace proxy
