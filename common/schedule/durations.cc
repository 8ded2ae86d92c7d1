#include "common/schedule/durations.h"

#include "common/subunit/encoder.h"

namespace subunit::schedule {
namespace {

constexpr std::uint32_t kNanosecondsPerSecond = 1'000'000'000;

Time since_1970(Timestamp timestamp) {
  return std::chrono::seconds(timestamp.seconds) + Time(timestamp.nanoseconds);
}

Timestamp timestamp(Time since_1970) {
  return {static_cast<std::uint32_t>(since_1970.count() / kNanosecondsPerSecond),
          static_cast<std::uint32_t>(since_1970.count() % kNanosecondsPerSecond)};
}

/// Nothing for a test id that no packet can carry.
void write_status(std::string_view test_id, Status status, Time at, Buffer& out) {
  [[maybe_unused]] const auto encoded =
      encode({.test_id = test_id, .timestamp = timestamp(at), .status = status}, out);
}

}  // namespace

std::size_t Durations::read(Decoder& decoder) {
  std::size_t packets = 0;
  while (const auto event = decoder.next_event()) {
    const auto* packet = std::get_if<Packet>(&*event);
    if (!packet) continue;
    ++packets;
    record(*packet);
  }
  return packets;
}

void Durations::record(const Packet& packet) {
  const bool starts = packet.status == Status::kInProgress;
  if (!packet.test_id || (!starts && !is_final(packet.status))) return;
  if (!starts) set_failed(*packet.test_id, is_failure(packet.status));
  Start key(packet.route_code.value_or(""), *packet.test_id);
  if (starts) {
    const auto known = open_.find(key);
    if (known != open_.end() && packet.timestamp) {
      known->second = since_1970(*packet.timestamp);
    } else if (known != open_.end()) {
      close(known);
    } else if (packet.timestamp && open_.size() < kMaxOpen && bytes_ + size_of(key) <= kMaxBytes) {
      bytes_ += size_of(key);
      open_.emplace(std::move(key), since_1970(*packet.timestamp));
    }
    return;
  }
  const auto start = open_.find(key);
  if (start == open_.end()) return;
  if (packet.timestamp) set(*packet.test_id, since_1970(*packet.timestamp) - start->second);
  close(start);
}

void Durations::close(std::map<Start, Time>::iterator start) {
  bytes_ -= size_of(start->first);
  open_.erase(start);
}

void Durations::set(std::string_view test_id, Time duration) {
  if (duration < Time(0) || duration > kLongest) return;
  const auto known = known_.find(test_id);
  if (known != known_.end()) {
    known->second = duration;
  } else if (known_.size() < kMaxTests && bytes_ + test_id.size() <= kMaxBytes) {
    bytes_ += test_id.size();
    known_.emplace(test_id, duration);
  }
}

void Durations::set_failed(std::string_view test_id, bool failed) {
  const auto known = failed_.find(test_id);
  if (failed == (known != failed_.end())) return;
  if (!failed) {
    bytes_ -= test_id.size();
    failed_.erase(known);
  } else if (failed_.size() < kMaxTests && bytes_ + test_id.size() <= kMaxBytes) {
    bytes_ += test_id.size();
    failed_.emplace(test_id);
  }
}

std::optional<Time> Durations::of(std::string_view test_id) const {
  const auto known = known_.find(test_id);
  if (known == known_.end()) return std::nullopt;
  return known->second;
}

bool DurationsWriter::write(Buffer& out) {
  const std::size_t enough = out.size() + kPieceSize;
  const auto& known = durations_.known_;
  const auto& failed = durations_.failed_;
  const Time start = since_1970(start_);
  const bool more = at_ != known.end() || failed_at_ != failed.end();
  for (; at_ != known.end() && out.size() < enough; ++at_) {
    const auto& [test_id, duration] = *at_;
    const Status status = failed.contains(test_id) ? Status::kFail : Status::kSuccess;
    write_status(test_id, Status::kInProgress, start, out);
    write_status(test_id, status, start + duration, out);
  }
  for (; at_ == known.end() && failed_at_ != failed.end() && out.size() < enough; ++failed_at_)
    if (!known.contains(*failed_at_)) write_status(*failed_at_, Status::kFail, start, out);
  return more;
}

}  // namespace subunit::schedule
