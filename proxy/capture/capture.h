#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/subunit/captured_output.h"
#include "proxy/io/child.h"
#include "proxy/io/stream.h"

namespace proxy {

/// What the test server's processes write to stdout and stderr, made into file packets of the test
/// in progress.
///
/// The server's packets and its output come on different ways, so their order has to be inferred.
/// A test's start was sent before the test wrote anything: events.readable lets the owner take in
/// what the server has sent before output is read. A test's end is sent after all that it wrote:
/// the owner calls drain() before it takes note of one. That attributes what tests write, exactly,
/// if the server waits after each test until its output was read (common/rpc/PROTOCOL.md), and as
/// far as this process keeps up if it does not.
class Capture {
 public:
  struct Events {
    std::function<void(subunit::Bytes)> packets;
    std::function<void()> readable;  ///< something was written, and will be read now
    std::function<void()> ended;     ///< nobody can write to either pipe any more
  };

  /// `route`: the route code of the packets, if they are to have one.
  Capture(uv_loop_t& loop, const std::optional<std::string>& route, Events events)
      : loop_(loop),
        events_(std::move(events)),
        outputs_{Output("stdout", route), Output("stderr", route)} {}

  /// Makes the pipes and starts to read. The result is for the server to write to.
  struct WriteEnds {
    Fd out;
    Fd err;
  };
  [[nodiscard]] subunit::Result<WriteEnds> open();

  /// Passes on everything that was written before the call.
  void drain();

  /// Everything from now on belongs to `test_id`, or to no test.
  void attribute(std::optional<std::string_view> test_id);

  /// Without flow, writers block once the pipe is full.
  void set_flow(bool on);

  /// Reads no more; what is left is dropped with the pipes.
  void close();
  [[nodiscard]] bool over() const;

  /// The end of what came, for a person: empty, or paragraphs that start with the output's name.
  [[nodiscard]] std::string last_output() const;

 private:
  static constexpr std::size_t kReadSize = 64 << 10;  // what a pipe holds

  struct Output {
    Output(std::string_view output_name, const std::optional<std::string>& route)
        : name(output_name), packets(output_name, route) {}
    std::string name;
    subunit::CapturedOutput packets;
    std::optional<Reader> reader;
  };

  [[nodiscard]] subunit::Result<Fd> open(Output& output);
  void received(Output& output, std::size_t size);
  void ended(Output& output);
  void emit();

  uv_loop_t& loop_;
  Events events_;
  std::array<Output, 2> outputs_;
  std::array<std::uint8_t, kReadSize> room_;
  subunit::Buffer packets_;
};

}  // namespace proxy
