#include "proxy/capture/captured_stderr.h"

#include <algorithm>

namespace proxy {

using subunit::Bytes;
using subunit::Result;

Result<Fd> CapturedStderr::open() {
  auto pipe = Pipe::create();
  if (!pipe) return tl::unexpected(pipe.error());
  reader_.emplace(loop_, std::move(pipe->read_end),
                  Reader::Events{
                      .room = [this] { return std::span(room_); },
                      .received =
                          [this](std::size_t size) {
                            marked_ -= std::min(marked_, size);
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

void CapturedStderr::mark() {
  marked_ = reader_->waiting();
}

void CapturedStderr::drain_to_mark() {
  if (marked_ > 0) reader_->drain(marked_);
}

void CapturedStderr::attribute(std::optional<std::string_view> test_id) {
  output_.attribute(test_id, packets_);
  emit();
}

void CapturedStderr::set_flow(bool on) {
  on ? reader_->resume() : reader_->pause();
}

void CapturedStderr::cut_off() {
  reader_->drain(reader_->waiting());
  close();
}

void CapturedStderr::close() {
  output_.flush(packets_);
  reader_->close();
  emit();
}

void CapturedStderr::emit() {
  if (packets_.empty()) return;
  events_.packets(packets_);
  packets_.clear();
}

}  // namespace proxy
