#include "proxy/capture/capture.h"

namespace proxy {

using subunit::Result;

Capture::Capture(uv_loop_t& loop, const std::optional<std::string>& route,
                 const CapturedPipe::Events& events)
    : out_(loop, "stdout", route, room_, events_of_one(events)),
      err_(loop, "stderr", route, room_, events_of_one(events)) {}

CapturedPipe::Events Capture::events_of_one(const CapturedPipe::Events& events) {
  return {.packets = events.packets,
          .readable = events.readable,
          .ended = [this, ended = events.ended] {
            if (over()) ended();
          }};
}

Result<Capture::WriteEnds> Capture::open() {
  auto out = out_.open();
  if (!out) return tl::unexpected(out.error());
  auto err = err_.open();
  if (!err) return tl::unexpected(err.error());
  return WriteEnds{std::move(*out), std::move(*err)};
}

void Capture::drain() {
  out_.drain();
  err_.drain();
}

void Capture::attribute(std::optional<std::string_view> test_id) {
  out_.attribute(test_id);
  err_.attribute(test_id);
}

void Capture::set_flow(bool on) {
  out_.set_flow(on);
  err_.set_flow(on);
}

void Capture::close() {
  out_.close();
  err_.close();
}

std::string Capture::last_output() const {
  std::string text;
  out_.describe_tail("the server", text);
  err_.describe_tail("the server", text);
  return text;
}

}  // namespace proxy
