#include "proxy/run/keys.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <span>
#include <utility>

namespace proxy {

namespace {

// In the background: until the next look at whether that is still so. (A shell that brings the job
// back need not send SIGCONT, since it was not stopped.)
constexpr auto kLookInterval = std::chrono::milliseconds(500);

/// Of the terminal that is stdin, a description of our own: that of stdin is shared with the shell,
/// and has to wait for a key.
Fd open_terminal() {
  std::array<char, 128> path{};
  if (::ttyname_r(STDIN_FILENO, path.data(), path.size()) != 0) return {};
  return Fd(::open(path.data(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

}  // namespace

Keys::Keys(uv_loop_t& loop, std::function<void(char key)> pressed)
    : loop_(loop),
      pressed_(std::move(pressed)),
      is_stopped_(::isatty(STDIN_FILENO) == 0),
      continued_(loop, SIGCONT, [this] { look(); }),
      look_timer_(loop, [this] { look(); }) {}

void Keys::listen() {
  if (is_stopped_ || terminal_) return;
  terminal_ = open_terminal();
  terminal_ ? look() : stop();
}

/// The shell sets the terminal's mode when a job stops and when it goes on.
void Keys::look() {
  if (is_stopped_ || !terminal_) return;
  if (!is_in_foreground(terminal_.get())) {
    pause();
    return look_timer_.start(kLookInterval);
  }
  if (mode_) {
    mode_->reapply();
  } else if (auto entered = RawMode::enter(terminal_.get(), RawMode::Kind::kKeys)) {
    mode_.emplace(std::move(*entered));
  } else {
    return stop();
  }
  if (std::exchange(is_watching_, true)) return;
  watch_.emplace(loop_, terminal_.get(), UV_READABLE, [this] { ready(); });
}

void Keys::ready() {
  if (!is_in_foreground(terminal_.get())) {
    pause();
    return look_timer_.start(kLookInterval);
  }
  std::array<char, 64> keys{};
  const ssize_t size = ::read(terminal_.get(), keys.data(), keys.size());
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) return stop();
  for (const char key : std::span(keys).first(static_cast<std::size_t>(size))) {
    if (is_stopped_) return;
    pressed_(key);
  }
}

void Keys::pause() {
  if (std::exchange(is_watching_, false)) watch_->stop();
}

void Keys::stop() {
  is_stopped_ = true;
  pause();
  look_timer_.stop();
  mode_.reset();
}

}  // namespace proxy
