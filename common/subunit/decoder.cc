#include "common/subunit/decoder.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "common/subunit/inspect.h"
#include "common/subunit/range_index.h"

namespace subunit {

// Looking at every candidate directly is free up to here, so that ordinary noise never builds an
// index.
constexpr std::uint64_t kFreeWaste = 1 << 20;

Decoder::Decoder(std::size_t capacity) : buffer_(capacity) {}
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;
Decoder::~Decoder() = default;

void Decoder::commit(std::size_t size, Time now) {
  buffer_.commit(size);
  received_ += size;
  stalls_at_ = now + stall_timeout_;
}

void Decoder::receive(Bytes bytes, Time now) {
  if (bytes.empty()) return;
  const auto room = buffer_.prepare(bytes.size());
  std::memcpy(room.data(), bytes.data(), bytes.size());
  commit(bytes.size(), now);
}

void Decoder::resume(Time now) {
  if (stalls_at_) stalls_at_ = std::max(*stalls_at_, now + stall_timeout_);
}

void Decoder::receive_eof() {
  abandoned_before_ = buffer_.held().size();
}

std::optional<Decoder::Event> Decoder::next_event() {
  // Packets are read straight into what is returned. Starting with one, instead of with nothing,
  // keeps gcc from writing zeros over all of it.
  std::optional<Event> event(std::in_place, std::in_place_type<Packet>);
  if (behind_packet_) skip_line_feed();
  for (;;) {
    if (checked_) {
      if (noise_ > 0) {
        event = take_noise(std::min(noise_, kMaxNoise));
      } else {
        event = *checked_;
        consume(checked_->raw.size());
        behind_packet_ = true;
        checked_.reset();
      }
      return event;
    }
    const Bytes held = buffer_.held();
    if (needed_ == 0) skip_to_signature(held);
    if (noise_ >= kMaxNoise) {
      event = take_noise(kMaxNoise);
      return event;
    }

    const Bytes candidate = held.subspan(noise_);
    if (!candidate.empty() && (candidate.size() >= needed_ || abandoned_before_ > noise_)) {
      Packet& packet = event->emplace<Packet>();
      const Check check = inspect(candidate, packet);
      if (check == Check::kPacket && noise_ == 0) {
        consume(packet.raw.size());
        behind_packet_ = true;
        return event;
      }
      if (check == Check::kPacket) {
        checked_ = packet;
        continue;
      }
      if (check == Check::kInvalid || abandoned_before_ > noise_) {
        ++noise_;
        needed_ = 0;
        continue;
      }
    }
    if (noise_ > 0) {
      event = take_noise(noise_);
    } else {
      event.reset();
    }
    return event;
  }
}

void Decoder::skip_line_feed() {
  const Bytes held = buffer_.held();
  if (held.empty()) return;  // it may still come
  behind_packet_ = false;
  if (!skips_line_feeds_ || held[0] != '\n') return;
  consume(1);
  skipped_line_feed_ = true;
}

void Decoder::skip_to_signature(Bytes held) {
  if (noise_ < held.size() && held[noise_] == kSignature) return;  // packets follow each other
  const void* next = held.size() > noise_
                         ? std::memchr(held.data() + noise_, kSignature, held.size() - noise_)
                         : nullptr;
  noise_ = next ? static_cast<const std::uint8_t*>(next) - held.data() : held.size();
}

Check Decoder::inspect(Bytes candidate, Packet& packet) {
  const auto look = [&](const auto& ranges) {
    Inspector inspector(candidate, ranges);
    const Check check = inspector.run(packet);
    needed_ = check == Check::kIncomplete ? inspector.needed() : 0;
    if (check != Check::kPacket) wasted_ += inspector.cost();
    return check;
  };
  if (wasted_ <= received_ + kFreeWaste) return look(DirectRanges{});
  if (!index_) index_ = std::make_unique<RangeIndex>();
  index_->cover(buffer_.held(), position());
  const std::uint64_t wasted = wasted_;
  const Check check = look(*index_);
  wasted_ = wasted;
  return check;
}

Decoder::Event Decoder::take_noise(std::size_t size) {
  const Noise noise{buffer_.held().first(size)};
  noise_ -= size;
  consume(size);
  return noise;
}

void Decoder::consume(std::size_t size) {
  if (index_ && !index_->empty()) index_->forget(buffer_.held(), position(), size);
  buffer_.consume(size);
  abandoned_before_ -= std::min(abandoned_before_, size);
}

std::optional<Time> Decoder::next_deadline() const {
  return needed_ > 0 ? stalls_at_ : std::nullopt;
}

void Decoder::tick(Time now) {
  if (needed_ == 0 || !stalls_at_ || now < *stalls_at_) return;
  // What stands behind the packet that was found has waited for as long: it is due at once.
  if (const auto waiting = packet_behind_candidate()) {
    abandoned_before_ = *waiting;
  } else {
    stalls_at_.reset();
  }
}

std::optional<std::size_t> Decoder::packet_behind_candidate() {
  const Bytes held = buffer_.held();
  const std::size_t needed = needed_;
  std::optional<std::size_t> found;
  for (std::size_t at = noise_ + 1; at < held.size() && !found; ++at) {
    const void* next = std::memchr(held.data() + at, kSignature, held.size() - at);
    if (!next) break;
    at = static_cast<const std::uint8_t*>(next) - held.data();
    Packet packet;
    if (inspect(held.subspan(at), packet) == Check::kPacket) found = at;
  }
  needed_ = needed;
  return found;
}

}  // namespace subunit
