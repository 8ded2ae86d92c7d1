#include "proxy/capture/capture.h"

#include <algorithm>

namespace proxy {

using subunit::Result;

Result<Capture::WriteEnds> Capture::open() {
  auto out = open(outputs_[0]);
  if (!out) return tl::unexpected(out.error());
  auto err = open(outputs_[1]);
  if (!err) return tl::unexpected(err.error());
  return WriteEnds{std::move(*out), std::move(*err)};
}

Result<Fd> Capture::open(Output& output) {
  auto pipe = Pipe::create();
  if (!pipe) return tl::unexpected(pipe.error());
  output.reader.emplace(
      loop_, std::move(pipe->read_end),
      Reader::Events{
          .room = [this] { return std::span(room_); },
          .received = [this, &output](std::size_t size) { received(output, size); },
          .ended = [this, &output](const Result<>&) { ended(output); },
          .readable = events_.readable,
      });
  output.reader->resume();
  return std::move(pipe->write_end);
}

void Capture::received(Output& output, std::size_t size) {
  output.packets.add(subunit::Bytes(room_).first(size), packets_);
  emit();
}

void Capture::ended(Output& output) {
  output.packets.flush(packets_);
  emit();
  if (over()) events_.ended();
}

void Capture::emit() {
  if (packets_.empty()) return;
  events_.packets(packets_);
  packets_.clear();
}

void Capture::drain() {
  for (Output& output : outputs_)
    if (output.reader) output.reader->drain();
}

void Capture::attribute(std::optional<std::string_view> test_id) {
  for (Output& output : outputs_) output.packets.attribute(test_id, packets_);
  emit();
}

void Capture::set_flow(bool on) {
  for (Output& output : outputs_) {
    if (!output.reader) continue;
    on ? output.reader->resume() : output.reader->pause();
  }
}

void Capture::close() {
  for (Output& output : outputs_) {
    output.packets.flush(packets_);
    if (output.reader) output.reader->close();
  }
  emit();
}

bool Capture::over() const {
  return std::ranges::all_of(
      outputs_, [](const Output& output) { return !output.reader || output.reader->closed(); });
}

std::string Capture::last_output() const {
  std::string text;
  for (const Output& output : outputs_) {
    if (output.packets.tail().empty()) continue;
    text += fmt::format("\n{} of the server, at its end:\n{}", output.name, output.packets.tail());
    if (!text.ends_with('\n')) text += '\n';
  }
  return text;
}

}  // namespace proxy
