#include "proxy/posix/background_writer.h"

#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <string_view>
#include <system_error>

namespace proxy {

using subunit::Time;
using Clock = std::chrono::steady_clock;

struct BackgroundWriter::Shared {
  explicit Shared(int number) : fd(number) {}
  explicit Shared(Fd file) : fd(file.get()), own(std::move(file)) {}

  const int fd;
  const Fd own;  // none: it is somebody else's

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::string> queue;  // its first is being written
  std::size_t waiting = 0;        // bytes of these that were not written yet
  bool stalled = false;
  bool closing = false;
  int error = 0;

  int write_some(std::string_view& text) const;
  void write_queue();
};

namespace {

/// A regular file, or one that is not there at all: writing takes as long as the disk, or fails.
bool is_direct(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) != 0 || S_ISREG(status.st_mode);
}

/// For a thread: signals are for those who wait for them. But a process in the background that
/// writes to its terminal is stopped for that, if the terminal is set so.
class WithoutSignals {
 public:
  WithoutSignals() {
    sigset_t all;
    sigfillset(&all);
    sigdelset(&all, SIGTTOU);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  WithoutSignals(const WithoutSignals&) = delete;
  ~WithoutSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace

/// Takes off `text` what was written. Returns an errno, or 0.
int BackgroundWriter::Shared::write_some(std::string_view& text) const {
  // In pieces, so that flush() sees that something is taken. A pipe keeps no longer ones together.
  const ssize_t size = ::write(fd, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
  if (size >= 0) {
    text.remove_prefix(static_cast<std::size_t>(size));
  } else if (errno == EAGAIN) {  // somebody else has made it non-blocking
    pollfd writable{.fd = fd, .events = POLLOUT, .revents = 0};
    ::poll(&writable, 1, -1);
  } else if (errno != EINTR) {
    return errno;
  }
  return 0;
}

/// The thread.
void BackgroundWriter::Shared::write_queue() {
  std::unique_lock lock(mutex);
  for (;;) {
    changed.wait(lock, [this] { return closing || !queue.empty(); });
    if (queue.empty()) return;
    int failed = 0;
    for (std::string_view text = queue.front(); !text.empty();) {
      const std::size_t before = text.size();
      lock.unlock();
      failed = write_some(text);
      lock.lock();
      if (failed != 0) text = {};
      waiting -= before - text.size();
      changed.notify_all();
    }
    if (error == 0) error = failed;
    queue.pop_front();
    if (queue.empty()) stalled = false;
    changed.notify_all();
  }
}

BackgroundWriter::BackgroundWriter(int fd, Limits limits)
    : limits_(limits), direct_(is_direct(fd)), shared_(std::make_shared<Shared>(fd)) {}

BackgroundWriter::BackgroundWriter(Fd fd, Limits limits)
    : limits_(limits),
      direct_(is_direct(fd.get())),
      shared_(std::make_shared<Shared>(std::move(fd))) {}

BackgroundWriter::~BackgroundWriter() {
  std::unique_lock lock(shared_->mutex);
  shared_->closing = true;
  shared_->changed.notify_all();
  const bool is_idle = shared_->queue.empty();
  lock.unlock();
  if (!thread_.joinable()) return;
  // An idle one ends at once. One that is held up goes with the process.
  is_idle ? thread_.join() : thread_.detach();
}

bool BackgroundWriter::has_thread() {
  if (thread_.joinable()) return true;
  const WithoutSignals scope;
  try {
    thread_ = std::thread([shared = shared_] { shared->write_queue(); });
  } catch (const std::system_error& refused) {
    shared_->error = refused.code().value();
  }
  return thread_.joinable();
}

bool BackgroundWriter::write(std::string piece) {
  Shared& shared = *shared_;
  if (direct_) {
    int failed = 0;
    for (std::string_view text = piece; !text.empty() && failed == 0;)
      failed = shared.write_some(text);
    if (shared.error == 0) shared.error = failed;
    return failed == 0;
  }
  std::unique_lock lock(shared.mutex);
  if (shared.waiting > limits_.queue || !has_thread()) return false;
  shared.waiting += piece.size();
  shared.queue.push_back(std::move(piece));
  shared.changed.notify_all();
  if (shared.stalled) return true;
  shared.stalled = true;
  // The thread takes this back when the queue is empty.
  shared.changed.wait_for(lock, limits_.hand_over, [&shared] { return !shared.stalled; });
  return true;
}

bool BackgroundWriter::stalled() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->stalled;
}

std::size_t BackgroundWriter::flush(Time quiet, Time most) {
  Shared& shared = *shared_;
  std::unique_lock lock(shared.mutex);
  const auto end = Clock::now() + most;
  for (std::size_t before = shared.waiting; before > 0; before = shared.waiting) {
    const auto until = std::min(Clock::now() + quiet, end);
    const bool taken =
        shared.changed.wait_until(lock, until, [&] { return shared.waiting < before; });
    if (!taken) break;
  }
  return shared.waiting;
}

int BackgroundWriter::error() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->error;
}

}  // namespace proxy
