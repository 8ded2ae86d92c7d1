#pragma once

// The subunit v2 packet, after the section "Version 2" of subunit's own README.
//
//   offset  size      field              present if
//   0       1         signature 0xB3     always
//   1       2         flags              always
//   3       1 to 3    length             always; the number of bytes from signature to CRC
//   inclusive
//           4 + 1-4   timestamp          flag 0x0200: seconds since 1970, then NUMBER nanoseconds
//           text      test id            flag 0x0800
//           number    tags               flag 0x0080: how many, then that many texts
//           text      MIME type          flag 0x0020
//           text      file name          flag 0x0040
//           number    content size       flag 0x0040, followed by that many bytes
//           text      route code         flag 0x0400
//   -4      4         CRC-32             always; over everything before it (ISO-HDLC, as in zlib)
//
//   flags, from bit 15: 4 bits version (2), test id, route code, timestamp, runnable,
//                       tags, file content, MIME type, end of file, a reserved zero, 3 bits status
//   number: the two highest bits say how many bytes follow the first (0 to 3), the other bits of
//           all of them are the value, highest first
//   text:   number (of bytes), then UTF-8 without NUL
//
// All integers are in network byte order.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace subunit {

inline constexpr std::uint8_t kSignature = 0xB3;
inline constexpr std::uint16_t kVersion = 0x2000;

namespace flag {
inline constexpr std::uint16_t kVersionMask = 0xF000;
inline constexpr std::uint16_t kTestId = 0x0800;
inline constexpr std::uint16_t kRouteCode = 0x0400;
inline constexpr std::uint16_t kTimestamp = 0x0200;
inline constexpr std::uint16_t kRunnable = 0x0100;
inline constexpr std::uint16_t kTags = 0x0080;
inline constexpr std::uint16_t kFileContent = 0x0040;
inline constexpr std::uint16_t kMimeType = 0x0020;
inline constexpr std::uint16_t kEof = 0x0010;
inline constexpr std::uint16_t kReserved = 0x0008;
inline constexpr std::uint16_t kStatusMask = 0x0007;
}  // namespace flag

inline constexpr std::size_t kCrcSize = 4;
inline constexpr std::size_t kMinPacketSize = 8;        // signature, flags, length, CRC
inline constexpr std::size_t kMaxPacketSize = 4194303;  // the largest three-byte number
inline constexpr std::uint32_t kMaxNumber = 0x3FFFFFFF;

/// The format allows any number of tags. This bounds what one forged header can make a reader do;
/// real packets carry a handful.
inline constexpr std::uint32_t kMaxTags = 256;

/// What a packet says about its test. The values are those of the wire.
enum class Status : std::uint8_t {
  kNone = 0,
  kExists = 1,
  kInProgress = 2,
  kSuccess = 3,
  kUnexpectedSuccess = 4,
  kSkip = 5,
  kFail = 6,
  kExpectedFailure = 7,
};

/// True for those that end a test.
constexpr bool is_final(Status status) {
  return status >= Status::kSuccess;
}

/// True for those that make a run fail.
constexpr bool is_failure(Status status) {
  return status == Status::kFail || status == Status::kUnexpectedSuccess;
}

/// subunit's own word: "exists", "inprogress", "success", "uxsuccess", "skip", "fail", "xfail"; ""
/// for kNone.
constexpr std::string_view name_of(Status status) {
  constexpr std::string_view kNames[] = {"",          "exists", "inprogress", "success",
                                         "uxsuccess", "skip",   "fail",       "xfail"};
  return kNames[static_cast<std::size_t>(status)];
}

/// A number as it stands in a packet.
struct Number {
  std::uint32_t value;
  std::size_t size;  ///< bytes it takes, 1 to 4
};

/// Bytes that the shortest encoding of `value` takes. `value` is at most kMaxNumber.
constexpr std::size_t number_size(std::uint32_t value) {
  return value < 1u << 6 ? 1 : value < 1u << 14 ? 2 : value < 1u << 22 ? 3 : 4;
}

/// Reads the number that starts at `p`; nothing if it does not end within `available` bytes.
/// Encodings longer than necessary are numbers too.
inline std::optional<Number> load_number(const std::uint8_t* p, std::size_t available) {
  if (available == 0) return std::nullopt;
  const std::size_t size = 1 + (p[0] >> 6);
  if (size > available) return std::nullopt;
  std::uint32_t value = p[0] & 0x3F;
  for (std::size_t i = 1; i < size; ++i) value = value << 8 | p[i];
  return Number{value, size};
}

}  // namespace subunit
