#include "proxy/io/packet_reader.h"

namespace proxy {

using subunit::Result;

PacketReader::PacketReader(uv_loop_t& loop, Fd fd, Events events, std::size_t capacity)
    : PacketReader(loop, std::move(events), capacity) {
  attach(std::move(fd));
}

PacketReader::PacketReader(uv_loop_t& loop, Events events, std::size_t capacity)
    : loop_(loop),
      events_(std::move(events)),
      decoder_(capacity),
      stall_timer_(loop,
                   [this] {
                     // What has come by now was not silence, even if nobody has read it yet.
                     catch_up();
                     if (paused_ || closed_) return;
                     decoder_.tick(precise_now());
                     dispatch();
                   }),
      resume_timer_(loop, [this] { dispatch(); }) {}

void PacketReader::attach(Fd fd) {
  reader_.emplace(loop_, std::move(fd),
                  Reader::Events{.room =
                                     [this] {
                                       if (events_.reading) events_.reading();
                                       return decoder_.prepare(kMinRead);
                                     },
                                 .received =
                                     [this](std::size_t size) {
                                       decoder_.commit(size, precise_now());
                                       dispatch();
                                     },
                                 .ended =
                                     [this](Result<> result) {
                                       end_ = std::move(result);
                                       decoder_.receive_eof();
                                       dispatch();
                                     }});
  if (!paused_) reader_->resume();
}

void PacketReader::feed(subunit::Bytes bytes) {
  if (closed_) return;
  decoder_.receive(bytes, precise_now());
  if (!paused_ && !dispatching_) dispatch();
}

void PacketReader::start_afresh() {
  decoder_.receive_eof();
  if (!paused_ && !dispatching_) dispatch();
}

void PacketReader::resume() {
  if (closed_ || !paused_) return;
  paused_ = false;
  decoder_.resume(precise_now());
  // What pause() held back comes first, and in a turn of its own: the caller may be in the middle
  // of something.
  if (!dispatching_) resume_timer_.start(subunit::Time(0));
}

void PacketReader::pause() {
  paused_ = true;
  if (reader_) reader_->pause();
  stall_timer_.stop();
  resume_timer_.stop();
}

void PacketReader::catch_up() {
  // What is due in resume_timer_ comes first, so it would be too early.
  if (!paused_ && !dispatching_ && !resume_timer_.running() && reader_) reader_->drain();
}

void PacketReader::cut_off() {
  if (closed_) return;
  paused_ = false;
  if (reader_) reader_->pause();
  dispatch();
  if (reader_) reader_->drain();
  if (closed_) return;
  end_.emplace();
  decoder_.receive_eof();
  dispatch();
}

void PacketReader::close() {
  pause();
  closed_ = true;
  if (reader_) reader_->close();
}

void PacketReader::dispatch() {
  dispatching_ = true;
  while (!paused_) {
    const auto event = decoder_.next_event();
    if (!event) break;
    if (const auto* packet = std::get_if<subunit::Packet>(&*event)) {
      events_.packet(*packet);
    } else {
      events_.noise(std::get<subunit::Noise>(*event).bytes);
    }
  }
  const bool held_back = paused_;
  if (!closed_) events_.batch();
  dispatching_ = false;
  if (paused_) return;
  if (held_back) return resume_timer_.start(subunit::Time(0));
  if (end_) {
    close();
    events_.ended(std::move(*end_));
    return;
  }
  if (reader_) reader_->resume();
  if (const auto deadline = decoder_.next_deadline()) {
    stall_timer_.start(*deadline - precise_now());
  } else {
    stall_timer_.stop();
  }
}

}  // namespace proxy
