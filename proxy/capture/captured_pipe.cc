#include "proxy/capture/captured_pipe.h"

#include <algorithm>

namespace proxy {

using subunit::Bytes;
using subunit::Result;

Result<Fd> CapturedPipe::open() {
  auto pipe = Pipe::create();
  if (!pipe) return tl::unexpected(pipe.error());
  reader_.emplace(loop_, std::move(pipe->read_end),
                  Reader::Events{
                      .room = [this] { return room_; },
                      .received =
                          [this](std::size_t size) {
                            marked_ -= std::min(marked_, size);
                            if (events_.bytes) events_.bytes(Bytes(room_).first(size));
                            output_.add(Bytes(room_).first(size), packets_);
                            emit();
                          },
                      .ended =
                          [this](const Result<>&) {
                            output_.flush(packets_);
                            emit();
                            events_.ended();
                          },
                      .readable = events_.readable,
                  });
  reader_->resume();
  return std::move(pipe->write_end);
}

void CapturedPipe::attribute(std::optional<std::string_view> test_id) {
  output_.attribute(test_id, packets_);
  emit();
}

void CapturedPipe::set_flow(bool on) {
  if (reader_) on ? reader_->resume() : reader_->pause();
}

void CapturedPipe::close() {
  output_.flush(packets_);
  if (reader_) reader_->close();
  emit();
}

void CapturedPipe::emit() {
  if (packets_.empty()) return;
  events_.packets(packets_);
  packets_.clear();
}

void CapturedPipe::describe_tail(std::string_view who, std::string& text) const {
  proxy::describe_tail(name_, who, output_.tail(), text);
}

void describe_tail(std::string_view name, std::string_view who, std::string_view tail,
                   std::string& text) {
  if (tail.empty()) return;
  text += fmt::format("\n{} of {}, at its end:\n{}", name, who, tail);
  if (!text.ends_with('\n')) text += '\n';
}

}  // namespace proxy
