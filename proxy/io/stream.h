#pragma once

#include <functional>
#include <optional>
#include <span>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "proxy/io/handle.h"
#include "proxy/posix/fd.h"

namespace proxy {

/// Reads from a pipe, socket, terminal or file into memory of the owner's choice.
class Reader {
 public:
  struct Events {
    std::function<std::span<std::uint8_t>()> room;  ///< where to read to; at least one byte
    std::function<void(std::size_t)> received;      ///< that many bytes are in the room now
    std::function<void(subunit::Result<>)> ended;   ///< end of file, or why reading failed; once
    /// Optional. Something has come, and will be read when this returns; what comes meanwhile is
    /// left for the next time.
    std::function<void()> readable = nullptr;
  };

  /// Starts paused. The descriptor becomes non-blocking.
  Reader(uv_loop_t& loop, Fd fd, Events events);

  void resume();
  void pause();

  /// Bytes that the kernel holds.
  [[nodiscard]] std::size_t waiting() const;

  /// Reads, at once and paused or not, `size` of the waiting() bytes, or all of them: bytes that
  /// come later wait. Calls events.received; end of file is left for resume() to find.
  void drain(std::size_t size);
  void drain() { drain(waiting()); }

  /// No more events. May be called from within one.
  void close();
  /// The same, but gives the descriptor back.
  [[nodiscard]] Fd release();
  [[nodiscard]] bool closed() const { return !fd_; }

 private:
  void ready();
  [[nodiscard]] std::optional<std::size_t> size_to_read();
  [[nodiscard]] bool at_end() const;
  ssize_t read(std::size_t most);

  Events events_;
  Fd fd_;
  bool is_file_;  // always ready, and nothing that the loop could wait for
  bool reading_ = false;
  std::size_t taken_ = 0;  // bytes read; may wrap around
  Handle<uv_poll_t> poll_;
  Handle<uv_idle_t> idle_;
};

/// Writes to a pipe, socket, terminal or file. What the kernel does not take at once is queued.
///
/// The owner is asked to hold back while congested(): from the moment when more than kHighMark
/// bytes are queued until no more than kLowMark are.
class Writer {
 public:
  static constexpr std::size_t kHighMark = 256 << 10;  // keeps a megabyte pipe busy between turns
  static constexpr std::size_t kLowMark = 64 << 10;

  struct Events {
    std::function<void()> progress;                     ///< something queued was written
    std::function<void(const subunit::Error&)> failed;  ///< the reader is gone; once
  };

  /// The descriptor becomes non-blocking.
  Writer(uv_loop_t& loop, Fd fd, Events events);
  ~Writer() { close(); }

  /// Whatever is written, now or later, ends with a line feed before nothing more is queued: for
  /// those on the way who pass on whole lines only. Give whole packets to send() from now on.
  void end_lines();
  /// No longer.
  void leave_lines() { ends_lines_ = false; }

  /// Keeps the order. After a failure, or finish(), bytes are dropped.
  void send(subunit::Bytes bytes);

  /// Ends the stream behind what is queued: half-closes a socket, closes anything else.
  void finish();

  /// Drops what is queued. No more events. May be called from within one.
  void close();
  /// The same, but gives the descriptor back.
  [[nodiscard]] Fd release();

  /// Whether it goes to a terminal.
  [[nodiscard]] bool to_terminal() const;
  /// Whether it goes to a terminal that understands escape sequences.
  [[nodiscard]] bool to_capable_terminal() const;
  [[nodiscard]] bool congested() const { return congested_; }
  [[nodiscard]] std::size_t queued() const { return in_flight_ + queue_.size(); }
  /// True once nothing more will be written: failed, closed, or finished and all of it written.
  [[nodiscard]] bool over() const { return state_ == State::kOver; }

 private:
  enum class State { kOpen, kFinishing, kOver };
  struct Request;

  void write_queue();
  void written(int status);
  void fail(int status);
  void shut_down();

  Events events_;
  int fd_;
  State state_ = State::kOpen;
  bool ends_lines_ = false;
  bool at_line_start_ = true;  // behind what was written and is queued
  bool congested_ = false;
  std::size_t in_flight_ = 0;
  subunit::Buffer queue_;
  Request* request_ = nullptr;  // the write in flight; freed by its own callback
  Handle<uv_pipe_t> stream_;
};

}  // namespace proxy
