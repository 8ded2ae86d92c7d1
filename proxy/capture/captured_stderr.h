#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string_view>

#include "common/subunit/captured_output.h"
#include "proxy/io/child.h"
#include "proxy/io/stream.h"

namespace proxy {

/// What a command writes to stderr, made into packets: attachment "stderr" of the test in progress.
///
/// The packets that say which one that is come by another pipe. If that is made by
/// Pipe::create_stepwise(), then a packet that ends a test was written after all that the test
/// wrote to stderr, and the next test starts only once that packet was read. So what has come
/// before the read belongs to the test: the owner calls mark() right before each read, and
/// drain_to_mark() before it takes note of an end. A start was written before anything of its test:
/// events.readable lets the owner take in packets before stderr is read.
class CapturedStderr {
 public:
  struct Events {
    std::function<void(subunit::Bytes)> packets;
    std::function<void()> readable;  ///< something was written, and will be read now
    std::function<void()> ended;     ///< nobody can write to it any more
  };

  CapturedStderr(uv_loop_t& loop, Events events) : loop_(loop), events_(std::move(events)) {}

  /// Makes the pipe and starts to read. The result is for the command to write to.
  [[nodiscard]] subunit::Result<Fd> open();

  void mark();
  void drain_to_mark();

  /// Everything from now on belongs to `test_id`, or to no test.
  void attribute(std::optional<std::string_view> test_id);

  /// Without flow, writers block once the pipe is full.
  void set_flow(bool on);

  /// Takes in what is there now, and no more.
  void cut_off();
  void close();
  [[nodiscard]] bool over() const { return reader_->closed(); }

  /// As CapturedOutput::tail().
  [[nodiscard]] std::string_view tail() const { return output_.tail(); }

 private:
  static constexpr std::size_t kReadSize = 64 << 10;  // what a pipe holds

  void emit();

  uv_loop_t& loop_;
  Events events_;
  subunit::CapturedOutput output_{"stderr"};
  std::optional<Reader> reader_;
  std::size_t marked_ = 0;  // bytes that had come, and were not read, at the last mark()
  std::array<std::uint8_t, kReadSize> room_;
  subunit::Buffer packets_;
};

}  // namespace proxy
