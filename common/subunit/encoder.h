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

/// A route code says which of several streams in one a packet belongs to, hop by hop:
/// "0/3" is stream 3 within stream 0.
struct Route {
  std::string_view first;
  std::optional<std::string_view> rest;
};

/// Both views point into `code`.
[[nodiscard]] Route split_route(std::string_view code);

/// Appends a copy of `packet` with `hop` put before its route code: "3" becomes "0/3" with hop "0",
/// and no route code becomes "0".
[[nodiscard]] Result<> add_route(const Packet& packet, std::string_view hop, Buffer& out);

/// Appends a copy of `packet` without the first hop of its route code.
[[nodiscard]] Result<> strip_route(const Packet& packet, Buffer& out);

}  // namespace subunit
