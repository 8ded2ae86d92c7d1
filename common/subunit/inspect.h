#pragma once

// Reads what may become a packet, as far as it has arrived. Internal to this folder: the decoder
// and parse_packet() are what others use.

#include <algorithm>

#include "common/base/crc.h"
#include "common/base/text.h"
#include "common/subunit/packet.h"

namespace subunit {

enum class Check {
  kInvalid,     ///< no packet starts here, whatever follows
  kIncomplete,  ///< nothing against it so far
  kPacket,      ///< a whole packet, all of it checked
};

/// How ranges of the bytes at hand are checked: by looking at them. The decoder has a second way,
/// RangeIndex, for input that makes it look at the same bytes again and again.
struct DirectRanges {
  /// `whole`: all of the text is there; otherwise it may end in the middle of a character.
  [[nodiscard]] bool is_text(Bytes bytes, bool whole) const {
    const Utf8Scan scan = scan_text(bytes);
    return scan.valid == bytes.size() || (!whole && scan.cut);
  }
  [[nodiscard]] std::uint32_t crc(Bytes bytes) const { return crc32(bytes); }
};

/// One look at a candidate. Keeps no state between looks; `needed` says when the next one pays.
template <typename Ranges>
class Inspector {
 public:
  /// `available` starts with the signature and may reach beyond the packet.
  Inspector(Bytes available, const Ranges& ranges) : available_(available), ranges_(ranges) {}

  /// Fills `packet` where it returns kPacket. Where it returns kIncomplete, needed() is the number
  /// of bytes, at most the claimed length, at which to ask again: it grows in proportion to what is
  /// there, so that all looks together stay linear even if bytes come one by one.
  Check run(Packet& packet) {
    const Check check = inspect(packet);
    if (check == Check::kIncomplete) {
      const std::size_t have = available_.size();
      needed_ = std::max(needed_, have + 1 + have / 4);
      if (length_ > 0) needed_ = std::min(needed_, length_);
    }
    return check;
  }

  [[nodiscard]] std::size_t needed() const { return needed_; }

  /// Bytes looked at: what a candidate that turns out false has cost.
  [[nodiscard]] std::size_t cost() const { return cost_; }

 private:
  Check inspect(Packet& packet) {
    const std::uint8_t* const p = available_.data();
    const std::size_t have = available_.size();
    if (have >= 2 && (p[1] << 8 & flag::kVersionMask) != kVersion) return Check::kInvalid;
    if (have >= 3 && p[2] & flag::kReserved) return Check::kInvalid;
    if (have >= 4 && p[3] >> 6 == 3) return Check::kInvalid;  // at most three bytes of length
    if (have < 4) return Check::kIncomplete;
    const auto length = load_number(p + 3, have - 3);
    if (!length) return Check::kIncomplete;
    flags_ = load_be16(p + 1);
    at_ = fields_at_ = 3 + length->size;
    if (length->value < at_ + least_size_of_fields() + kCrcSize) return Check::kInvalid;
    length_ = length->value;
    limit_ = length_ - kCrcSize;
    reach_ = std::min(have, limit_);

    if (const Check check = read_fields(packet); check != Check::kPacket) return check;
    if (at_ != limit_) return Check::kInvalid;
    if (have < length_) return Check::kIncomplete;
    cost_ += limit_;
    if (ranges_.crc(available_.first(limit_)) != load_be32(p + limit_)) return Check::kInvalid;
    packet.status = static_cast<Status>(flags_ & flag::kStatusMask);
    packet.runnable = flags_ & flag::kRunnable;
    packet.eof = flags_ & flag::kEof;
    packet.raw = available_.first(length_);
    packet.encoded = packet.raw.subspan(fields_at_, route_at_ - fields_at_);
    return Check::kPacket;
  }

  [[nodiscard]] std::size_t least_size_of_fields() const {
    const auto least = [this](std::uint16_t flag, std::size_t size) -> std::size_t {
      return flags_ & flag ? size : 0;
    };
    return least(flag::kTimestamp, 5) + least(flag::kTestId, 1) + least(flag::kTags, 1) +
           least(flag::kMimeType, 1) + least(flag::kFileContent, 2) + least(flag::kRouteCode, 1);
  }

  // Each reader moves at_ behind what it read and returns kPacket, "go on", if it could.
  Check read_fields(Packet& packet) {
    Check check = Check::kPacket;
    const auto go_on = [&check](Check result) { return (check = result) == Check::kPacket; };
    if (flags_ & flag::kTimestamp && !go_on(read_timestamp(packet.timestamp.emplace())))
      return check;
    if (flags_ & flag::kTestId && !go_on(read_text(packet.test_id.emplace()))) return check;
    if (flags_ & flag::kTags && !go_on(read_tags(packet.tags))) return check;
    if (flags_ & flag::kMimeType && !go_on(read_text(packet.mime_type.emplace()))) return check;
    if (flags_ & flag::kFileContent && !go_on(read_file(packet.file.emplace()))) return check;
    route_at_ = at_;
    if (flags_ & flag::kRouteCode && !go_on(read_text(packet.route_code.emplace()))) return check;
    return check;
  }

  // What is missing will either come, or the packet ends before it does.
  [[nodiscard]] Check missing() const {
    return reach_ == limit_ ? Check::kInvalid : Check::kIncomplete;
  }

  Check read_number(std::uint32_t& value) {
    const auto number = load_number(available_.data() + at_, reach_ - at_);
    if (!number) return missing();
    at_ += number->size;
    value = number->value;
    return Check::kPacket;
  }

  Check read_timestamp(Timestamp& timestamp) {
    if (reach_ - at_ < 4) return missing();
    timestamp.seconds = load_be32(available_.data() + at_);
    at_ += 4;
    return read_number(timestamp.nanoseconds);
  }

  Check read_text(std::string_view& text) {
    std::uint32_t size = 0;
    if (const Check check = read_number(size); check != Check::kPacket) return check;
    if (size > limit_ - at_) return Check::kInvalid;
    const Bytes bytes = available_.subspan(at_, std::min<std::size_t>(size, reach_ - at_));
    const bool whole = bytes.size() == size;
    cost_ += bytes.size();
    if (!ranges_.is_text(bytes, whole)) return Check::kInvalid;
    if (!whole) return Check::kIncomplete;
    text = as_text(bytes);
    at_ += size;
    return Check::kPacket;
  }

  Check read_tags(Tags& tags) {
    std::uint32_t count = 0;
    if (const Check check = read_number(count); check != Check::kPacket) return check;
    if (count > kMaxTags || count > limit_ - at_) return Check::kInvalid;
    const std::size_t begin = at_;
    for (std::uint32_t i = 0; i < count; ++i) {
      std::string_view tag;
      if (const Check check = read_text(tag); check != Check::kPacket) return check;
    }
    tags = Tags(count, available_.subspan(begin, at_ - begin));
    return Check::kPacket;
  }

  Check read_file(File& file) {
    if (const Check check = read_text(file.name); check != Check::kPacket) return check;
    std::uint32_t size = 0;
    if (const Check check = read_number(size); check != Check::kPacket) return check;
    if (size > limit_ - at_) return Check::kInvalid;
    if (size > reach_ - at_) {
      needed_ = at_ + size;
      return Check::kIncomplete;
    }
    file.content = available_.subspan(at_, size);
    at_ += size;
    return Check::kPacket;
  }

  Bytes available_;
  const Ranges& ranges_;
  std::uint16_t flags_ = 0;
  std::size_t length_ = 0;  // of the packet, as it claims; 0 while unknown
  std::size_t limit_ = 0;   // where the fields end and the CRC starts
  std::size_t reach_ = 0;   // how far the fields have arrived
  std::size_t at_ = 0;
  std::size_t fields_at_ = 0;
  std::size_t route_at_ = 0;
  std::size_t needed_ = 0;
  std::size_t cost_ = 0;
};

}  // namespace subunit
