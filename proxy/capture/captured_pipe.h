#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/subunit/captured_output.h"
#include "proxy/io/child.h"
#include "proxy/io/stream.h"

namespace proxy {

/// One output of a process, stdout or stderr, made into file packets of the test in progress.
///
/// Which test that is the process says on another way: a socket, or another pipe. So the order of
/// what comes on the two has to be inferred, and neither who reads first nor when tells anything.
/// What does is that a process cannot write two things at once:
///   - A test's start was sent before the test wrote anything. So before output is read, the
///     owner takes in what has been sent: events.readable.
///   - A test's end is sent after all that it wrote. So before the owner takes note of an end
///     it drains the pipe: then all of the test's output is here. What has come since may be
///     the next test's, if the process goes on at once. Two ways exclude that. The process
///     waits after each end until its output was read ("settled", common/rpc/PROTOCOL.md). Or
///     its packets come by a pipe that lets it write the next one only after the last one was
///     read (Pipe::create_stepwise()): then the owner calls mark() right before each read of
///     that pipe, and drain_to_mark() in place of drain(), since what had come before the read
///     was written before the next test could start.
class CapturedPipe {
 public:
  struct Events {
    std::function<void(subunit::Bytes)> packets;
    std::function<void()> readable;  ///< something was written, and will be read now
    std::function<void()> ended;     ///< nobody can write to it any more
    std::function<void(subunit::Bytes)> bytes = nullptr;  ///< optional: what was read, as it came
  };

  /// What a pipe holds.
  static constexpr std::size_t kReadSize = 64 << 10;

  /// `name`: of the files. `route`: the route code of the packets, if they are to have one. `room`:
  /// what is read passes through here; it may be shared, and outlives this.
  CapturedPipe(uv_loop_t& loop, std::string_view name, const std::optional<std::string>& route,
               std::span<std::uint8_t> room, Events events)
      : loop_(loop), name_(name), output_(name, route), room_(room), events_(std::move(events)) {}

  /// Makes the pipe and starts to read. The result is for the process to write to.
  [[nodiscard]] subunit::Result<Fd> open();

  /// Passes on everything that was written before the call, or before the last mark().
  void drain() {
    if (reader_) reader_->drain();
  }
  void mark() { marked_ = reader_->waiting(); }
  void drain_to_mark() {
    if (marked_ > 0) reader_->drain(marked_);
  }

  /// Everything from now on belongs to `test_id`, or to no test.
  void attribute(std::optional<std::string_view> test_id);

  /// Without flow, writers block once the pipe is full.
  void set_flow(bool on);

  /// Reads no more; what is left is dropped with the pipe.
  void close();
  /// True before open(), too.
  [[nodiscard]] bool over() const { return !reader_ || reader_->closed(); }

  /// Appends the end of what came, for a person, as describe_tail().
  void describe_tail(std::string_view who, std::string& text) const;

 private:
  void emit();

  uv_loop_t& loop_;
  const std::string name_;
  subunit::CapturedOutput output_;
  std::span<std::uint8_t> room_;
  Events events_;
  std::optional<Reader> reader_;
  std::size_t marked_ = 0;  // bytes that had come, and were not read, at the last mark()
  subunit::Buffer packets_;
};

/// Appends the end of what came, for a person: a paragraph that starts with the output's name, or
/// nothing. `who` has written it: "the server".
void describe_tail(std::string_view name, std::string_view who, std::string_view tail,
                   std::string& text);

}  // namespace proxy
