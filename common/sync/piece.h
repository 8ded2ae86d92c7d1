#pragma once

#include "common/base/bytes.h"

namespace subunit::sync {

/// Bytes of a piece before it is packed. On a line of 9,600 baud it takes 20 s at most, and each
/// side waits longer for the other (the client 30 s, unless --ready-timeout says otherwise).
inline constexpr std::size_t kPieceSize = 16 << 10;

/// A piece as it travels: two bytes for its size (network byte order), and the bytes, with DEFLATE
/// (RFC 1951). `bytes` are not more than kPieceSize.
[[nodiscard]] Buffer pack_piece(Bytes bytes);

/// Appends what is in such a piece. False, and `out` is of no use, if it is none.
///
/// It is ours, rather than libdeflate's: that is twenty times as large, and what is unpacked here
/// has come over a network.
[[nodiscard]] bool unpack_piece(Bytes piece, Buffer& out);

}  // namespace subunit::sync
