#include "proxy/io/stream.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "proxy/terminal/screen.h"

namespace proxy {
namespace {

// epoll refuses these: they are always ready.
bool is_always_ready(int fd) {
  return uv_guess_handle(fd) == UV_FILE;
}

constexpr std::array<std::uint8_t, 1> kLineFeedByte{'\n'};
constexpr subunit::Bytes kLineFeed(kLineFeedByte);

/// libuv only reads what is to be written.
uv_buf_t buffer_of(subunit::Bytes bytes) {
  return uv_buf_init(const_cast<char*>(subunit::as_text(bytes).data()),
                     static_cast<unsigned>(bytes.size()));
}

subunit::Error system_error(int status) {
  return subunit::Error{uv_strerror(status)};
}

}  // namespace

Reader::Reader(uv_loop_t& loop, Fd fd, Events events)
    : events_(std::move(events)), fd_(std::move(fd)), is_file_(is_always_ready(fd_.get())) {
  if (is_file_) {
    uv_idle_init(&loop, idle_.get());
    idle_.get()->data = this;
  } else {
    uv_poll_init(&loop, poll_.get(), fd_.get());
    poll_.get()->data = this;
  }
}

void Reader::resume() {
  if (reading_ || closed()) return;
  reading_ = true;
  if (is_file_) {
    uv_idle_start(idle_.get(), [](uv_idle_t* idle) { static_cast<Reader*>(idle->data)->ready(); });
  } else {
    uv_poll_start(poll_.get(), UV_READABLE, [](uv_poll_t* poll, int status, int) {
      Reader& reader = *static_cast<Reader*>(poll->data);
      // libuv stops at an error. What came before that, and the error itself, are there to read.
      if (status < 0) reader.reading_ = false;
      reader.ready();
      if (status < 0) reader.resume();
    });
  }
}

void Reader::pause() {
  if (!reading_ || closed()) return;
  reading_ = false;
  is_file_ ? uv_idle_stop(idle_.get()) : uv_poll_stop(poll_.get());
}

void Reader::ready() {
  const auto most = size_to_read();
  if (!most) return;
  const ssize_t size = read(*most);
  if (size > 0 || size == -EAGAIN || size == -EINTR) return;
  close();
  events_.ended(size == 0 ? subunit::Result<>()
                          : tl::unexpected(system_error(static_cast<int>(size))));
}

/// Nothing if there is nothing to read any more.
std::optional<std::size_t> Reader::size_to_read() {
  if (!events_.readable) return SIZE_MAX;
  const std::size_t waiting_before = waiting();
  const std::size_t taken_before = taken_;
  events_.readable();
  const std::size_t left = waiting_before - std::min(waiting_before, taken_ - taken_before);
  if (left > 0) return left;
  return at_end() ? std::optional(SIZE_MAX) : std::nullopt;
}

/// Of a pipe: all is read, and nobody can write any more.
bool Reader::at_end() const {
  pollfd state{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  return ::poll(&state, 1, 0) == 1 && !(state.revents & POLLIN);
}

ssize_t Reader::read(std::size_t most) {
  if (closed()) return -EAGAIN;
  const auto room = events_.room();
  const ssize_t size = ::read(fd_.get(), room.data(), std::min(room.size(), most));
  if (size > 0) {
    taken_ += static_cast<std::size_t>(size);
    events_.received(static_cast<std::size_t>(size));
  }
  return size >= 0 ? size : -errno;
}

std::size_t Reader::waiting() const {
  int bytes = 0;
  if (closed() || ioctl(fd_.get(), FIONREAD, &bytes) != 0) return 0;
  return static_cast<std::size_t>(bytes);
}

void Reader::drain(std::size_t size) {
  while (size > 0) {
    const ssize_t got = read(size);
    if (got <= 0) return;
    size -= static_cast<std::size_t>(got);
  }
}

void Reader::close() {
  (void)release();
}

Fd Reader::release() {
  pause();
  poll_.close();
  idle_.close();
  return std::move(fd_);
}

/// One write in flight. It outlives a Writer that is closed before libuv calls back.
struct Writer::Request {
  uv_write_t write;
  Writer* owner;
  subunit::Buffer bytes;
};

Writer::Writer(uv_loop_t& loop, Fd fd, Events events) : events_(std::move(events)), fd_(fd.get()) {
  uv_pipe_init(&loop, stream_.get(), 0);
  stream_.get()->data = this;
  uv_pipe_open(stream_.get(), fd.release());
}

bool Writer::to_terminal() const {
  return ::isatty(fd_) == 1;
}

bool Writer::to_capable_terminal() const {
  return is_capable_terminal(fd_);
}

void Writer::end_lines() {
  if (std::exchange(ends_lines_, true)) return;
  // What is queued gets its line feed when it is written.
  if (!at_line_start_ && queue_.empty()) send(kLineFeed);
}

void Writer::send(subunit::Bytes bytes) {
  if (state_ != State::kOpen || bytes.empty()) return;
  at_line_start_ = bytes.back() == '\n';
  if (queued() == 0) {
    const bool with_line_feed = ends_lines_ && !at_line_start_;
    const std::array buffers{buffer_of(bytes), buffer_of(kLineFeed)};
    const int written = uv_try_write(reinterpret_cast<uv_stream_t*>(stream_.get()), buffers.data(),
                                     with_line_feed ? 2 : 1);
    if (written < 0 && written != UV_EAGAIN) return fail(written);
    const auto size = static_cast<std::size_t>(std::max(written, 0));
    at_line_start_ |= with_line_feed;
    if (size == bytes.size() + with_line_feed) return;
    bytes = size == bytes.size() ? kLineFeed : bytes.subspan(size);
  }
  subunit::append(queue_, bytes);
  if (queued() > kHighMark) congested_ = true;
  if (!request_) write_queue();
}

void Writer::write_queue() {
  request_ = new Request{{}, this, {}};
  if (ends_lines_ && queue_.back() != '\n') {
    queue_.push_back('\n');
    at_line_start_ = true;
  }
  std::swap(request_->bytes, queue_);
  in_flight_ = request_->bytes.size();
  request_->write.data = request_;
  const uv_buf_t buffer = buffer_of(request_->bytes);
  const auto done = [](uv_write_t* write, int status) {
    const std::unique_ptr<Request> request(static_cast<Request*>(write->data));
    if (request->owner) request->owner->written(status);
  };
  uv_write(&request_->write, reinterpret_cast<uv_stream_t*>(stream_.get()), &buffer, 1, done);
}

void Writer::written(int status) {
  request_ = nullptr;
  in_flight_ = 0;
  if (status < 0) return fail(status);
  if (!queue_.empty()) write_queue();
  if (queued() <= kLowMark) congested_ = false;
  if (queued() == 0 && state_ == State::kFinishing) shut_down();
  events_.progress();
}

void Writer::fail(int status) {
  close();
  events_.failed(system_error(status));
}

void Writer::finish() {
  if (state_ != State::kOpen) return;
  state_ = State::kFinishing;
  if (queued() == 0) shut_down();
}

void Writer::shut_down() {
  ::shutdown(fd_, SHUT_WR);  // where it is no socket, closing says the same
  close();
}

Fd Writer::release() {
  Fd fd = over() ? Fd() : duplicate(fd_);
  close();
  return fd;
}

void Writer::close() {
  state_ = State::kOver;
  congested_ = false;
  in_flight_ = 0;
  queue_ = {};
  if (request_) request_->owner = nullptr;
  request_ = nullptr;
  stream_.close();
}

}  // namespace proxy
