#pragma once

#include <span>
#include <string_view>

#include "../base/result.h"
#include "packet.h"

namespace subunit {

using TagList = std::span<const std::string_view>;

/// Content that encode_file() puts into one packet; below kMaxPacketSize with room for the names,
/// and large enough that the framing costs nothing.
inline constexpr std::size_t kFileChunk = 1 << 20;

/// Appends one packet to `out`. An Error, and nothing appended, if a string is not UTF-8 without
/// NUL, a number is out of range, there are more than kMaxTags tags, or the packet would be longer
/// than kMaxPacketSize.
[[nodiscard]] Result<> encode(const Fields& fields, TagList tags, Buffer& out);
[[nodiscard]] inline Result<> encode(const Fields& fields, Buffer& out) {
  return encode(fields, {}, out);
}

/// The same for an attachment of any size: as many packets as it takes, kFileChunk bytes of content
/// in each. Status, tags and end of file stand in the last one only.
[[nodiscard]] Result<> encode_file(const Fields& fields, TagList tags, Buffer& out);

/// Appends a copy of `packet` that has the route code `route`, or none, in place of its own. The
/// other fields are copied as they are. If that makes it too long, its attachment is split.
[[nodiscard]] Result<> encode_rerouted(const Packet& packet, std::optional<std::string_view> route,
                                       Buffer& out);

}  // namespace subunit
