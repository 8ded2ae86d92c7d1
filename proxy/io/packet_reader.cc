#include "proxy/io/packet_reader.h"

namespace proxy {

using subunit::Result;

PacketReader::PacketReader(uv_loop_t& loop, Fd fd, Events events)
    : loop_(loop),
      events_(std::move(events)),
      decoder_(kCapacity),
      reader_(loop, std::move(fd),
              {.room = [this] { return decoder_.prepare(kLeastRead); },
               .received =
                   [this](std::size_t size) {
                     decoder_.commit(size, now(loop_));
                     dispatch();
                   },
               .ended =
                   [this](Result<> result) {
                     end_ = std::move(result);
                     decoder_.receive_eof();
                     dispatch();
                   }}),
      stall_timer_(loop,
                   [this] {
                     decoder_.tick(now(loop_));
                     dispatch();
                   }),
      resume_timer_(loop, [this] { dispatch(); }) {}

void PacketReader::resume() {
  if (closed_ || !paused_) return;
  paused_ = false;
  // What pause() held back comes first, and in a turn of its own: the caller may be in the middle
  // of something.
  if (!dispatching_) resume_timer_.start(subunit::Time(0));
}

void PacketReader::pause() {
  paused_ = true;
  reader_.pause();
  stall_timer_.stop();
  resume_timer_.stop();
}

void PacketReader::catch_up() {
  if (!paused_ && !dispatching_) reader_.drain();
}

void PacketReader::close() {
  pause();
  closed_ = true;
  reader_.close();
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
  if (!closed_) events_.batch();
  dispatching_ = false;
  if (paused_) return;
  if (end_) {
    close();
    events_.ended(std::move(*end_));
    return;
  }
  reader_.resume();
  if (const auto deadline = decoder_.next_deadline()) {
    stall_timer_.start(*deadline - now(loop_));
  } else {
    stall_timer_.stop();
  }
}

}  // namespace proxy
