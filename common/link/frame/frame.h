#pragma once

#include <cstddef>
#include <cstdint>

#include "../../base/bytes.h"

namespace subunit::link {

/// A frame of the console link: what carries bytes across a terminal. See LINK.md.
///
///     "#%" TYPE SESSION(4) SEQUENCE(4) ACKNOWLEDGED(4) LENGTH(2) BODY(LENGTH) CRC(6) ";" LF
///
/// TYPE is a letter: small in frames to the serve end, capital in those to the client, so that
/// nobody takes the echo of his own frames for an answer. SESSION to LENGTH are numbers in base 64,
/// the most significant digit first, and LENGTH counts the characters of BODY. BODY is in base 64
/// without padding, or in kDense frames in the code that DenseCode describes. CRC is CRC-32C
/// (Castagnoli) of the characters from TYPE to the last of BODY, as a number of six digits. The
/// digits are those of RFC 4648, section 5: A-Z a-z 0-9 - _.
struct Frame {
  enum class Type : char {
    kHello = 'h',       ///< opens a session
    kData = 'd',        ///< payload; has a sequence number of its own, as kDense and kFinish
    kDense = 'e',       ///< payload in the denser code
    kFinish = 'f',      ///< the sender's payload ends here
    kAck = 'a',         ///< what has come, and how much more may
    kPing = 'p',        ///< asks for a kAck
    kTest = 't',        ///< stands before and behind bytes that try the line
    kTestResult = 'm',  ///< which of them came unharmed
    kEcho = 'c',        ///< the receiver of this sends back what it gets
    kReset = 'x',       ///< the sender has given this session up; the body says why, UTF-8
  };
  enum class Direction { kToServe, kToClient };

  Type type = Type::kAck;
  Direction direction = Direction::kToServe;
  std::uint32_t session = 0;       ///< 24 bits; 0: none yet
  std::uint32_t sequence = 0;      ///< 24 bits, wraps around
  std::uint32_t acknowledged = 0;  ///< 24 bits: the next sequence number that is awaited
  Bytes body = {};                 ///< decoded
};

inline constexpr std::uint32_t kFrameNumbers = 1 << 24;  // how many values a number of 4 digits has

/// Characters of a frame besides its body, LF included.
inline constexpr std::size_t kFrameOverhead = 25;

/// The longest body in characters, and in bytes of base 64: a line has to end some time.
inline constexpr std::size_t kMaxBodyText = 4000;
inline constexpr std::size_t kMaxBody = kMaxBodyText / 4 * 3;

/// The longest body in bytes while a terminal on the way may not be in raw mode yet: 251 characters
/// and LF are below what POSIX promises of an input line (MAX_CANON, 255).
inline constexpr std::size_t kMaxEarlyBody = (252 - kFrameOverhead) / 4 * 3;

// 24 bits in a frame's body, big-endian: a nonce or a sequence number.

inline constexpr std::size_t kNumberSize = 3;

inline std::uint32_t load_number(const std::uint8_t* p) {
  return static_cast<std::uint32_t>(p[0]) << 16 | static_cast<std::uint32_t>(p[1]) << 8 | p[2];
}

inline void append_number(Buffer& out, std::uint32_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 16));
  append_be16(out, static_cast<std::uint16_t>(value));
}

}  // namespace subunit::link
