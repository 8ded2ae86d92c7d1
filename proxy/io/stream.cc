#include "proxy/io/stream.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

namespace proxy {
namespace {

// epoll refuses these: they are always ready.
bool is_always_ready(int fd) {
  return uv_guess_handle(fd) == UV_FILE;
}

subunit::Error system_error(int status) {
  return subunit::Error{uv_strerror(status)};
}

}  // namespace

Reader::Reader(uv_loop_t& loop, Fd fd, Events events)
    : events_(std::move(events)), fd_(fd.get()), is_file_(is_always_ready(fd.get())) {
  uv_idle_init(&loop, idle_.get());
  idle_.get()->data = this;
  uv_pipe_init(&loop, stream_.get(), 0);
  stream_.get()->data = this;
  uv_pipe_open(stream_.get(), fd.release());
}

void Reader::resume() {
  if (reading_ || closed_) return;
  reading_ = true;
  if (is_file_) {
    uv_idle_start(idle_.get(),
                  [](uv_idle_t* idle) { static_cast<Reader*>(idle->data)->read_file(); });
    return;
  }
  const auto allocate = [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
    const auto room = static_cast<Reader*>(handle->data)->events_.room();
    *buffer = uv_buf_init(reinterpret_cast<char*>(room.data()), static_cast<unsigned>(room.size()));
  };
  const auto read = [](uv_stream_t* stream, ssize_t size, const uv_buf_t*) {
    static_cast<Reader*>(stream->data)->on_read(size);
  };
  uv_read_start(reinterpret_cast<uv_stream_t*>(stream_.get()), allocate, read);
}

void Reader::pause() {
  if (!reading_ || closed_) return;
  reading_ = false;
  if (is_file_) {
    uv_idle_stop(idle_.get());
  } else {
    uv_read_stop(reinterpret_cast<uv_stream_t*>(stream_.get()));
  }
}

void Reader::on_read(ssize_t size) {
  if (size == 0) return;  // would block
  if (size > 0) {
    events_.received(static_cast<std::size_t>(size));
  } else if (size == UV_EOF) {
    end({});
  } else {
    end(tl::unexpected(system_error(static_cast<int>(size))));
  }
}

void Reader::read_file() {
  const auto room = events_.room();
  const ssize_t size = ::read(fd_, room.data(), room.size());
  on_read(size > 0 ? size : size == 0 ? UV_EOF : -errno);
}

void Reader::drain() {
  if (closed_) return;
  int waiting = 0;
  if (ioctl(fd_, FIONREAD, &waiting) != 0) return;
  while (waiting > 0 && !closed_) {
    const auto room = events_.room();
    const ssize_t size = ::read(fd_, room.data(), std::min<std::size_t>(room.size(), waiting));
    if (size <= 0) return;
    waiting -= static_cast<int>(size);
    events_.received(static_cast<std::size_t>(size));
  }
}

void Reader::end(subunit::Result<> result) {
  close();
  events_.ended(std::move(result));
}

void Reader::close() {
  if (closed_) return;
  pause();
  closed_ = true;
  stream_.close();
  idle_.close();
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

void Writer::send(subunit::Bytes bytes) {
  if (state_ != State::kOpen || bytes.empty()) return;
  if (queued() == 0) {
    const uv_buf_t buffer = uv_buf_init(const_cast<char*>(subunit::as_text(bytes).data()),
                                        static_cast<unsigned>(bytes.size()));
    const int written = uv_try_write(reinterpret_cast<uv_stream_t*>(stream_.get()), &buffer, 1);
    if (written < 0 && written != UV_EAGAIN) return fail(written);
    if (written > 0) bytes = bytes.subspan(static_cast<std::size_t>(written));
    if (bytes.empty()) return;
  }
  subunit::append(queue_, bytes);
  if (queued() > kHighMark) congested_ = true;
  if (!request_) write_queue();
}

void Writer::write_queue() {
  request_ = new Request{{}, this, {}};
  std::swap(request_->bytes, queue_);
  in_flight_ = request_->bytes.size();
  request_->write.data = request_;
  const uv_buf_t buffer = uv_buf_init(reinterpret_cast<char*>(request_->bytes.data()),
                                      static_cast<unsigned>(in_flight_));
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
