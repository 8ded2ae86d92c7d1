#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/capture/captured_pipe.h"

namespace proxy {

/// What the test server's processes write to stdout and stderr. See CapturedPipe.
class Capture {
 public:
  /// `ended`: nobody can write to either pipe any more.
  Capture(uv_loop_t& loop, const std::optional<std::string>& route,
          const CapturedPipe::Events& events);

  /// Makes the pipes and starts to read. The result is for the server to write to.
  struct WriteEnds {
    Fd out;
    Fd err;
  };
  [[nodiscard]] subunit::Result<WriteEnds> open();

  // As of CapturedPipe, for both.
  void drain();
  void attribute(std::optional<std::string_view> test_id);
  void set_flow(bool on);
  void close();
  [[nodiscard]] bool over() const { return out_.over() && err_.over(); }

  /// The end of what came, for a person: empty, or paragraphs that start with the output's name.
  [[nodiscard]] std::string last_output() const;

 private:
  [[nodiscard]] CapturedPipe::Events events_of_one(const CapturedPipe::Events& events);

  std::array<std::uint8_t, CapturedPipe::kReadSize> room_;
  CapturedPipe out_;
  CapturedPipe err_;
};

}  // namespace proxy
