#pragma once

#include "bytes.h"

namespace subunit {

/// CRC-32/ISO-HDLC, the one of zlib and subunit. `head` is the CRC of the bytes before these.
[[nodiscard]] std::uint32_t crc32(Bytes bytes, std::uint32_t head = 0);

/// The CRC of the last `tail_size` bytes of a run whose CRC is `whole`, where `head` is the CRC of
/// the bytes before those. Takes the same short time for every size below 16 MiB, and no more than
/// that is allowed.
[[nodiscard]] std::uint32_t crc32_of_tail(std::uint32_t whole, std::uint32_t head,
                                          std::size_t tail_size);

/// CRC-32C (Castagnoli), the one of iSCSI and RFC 3720. `head` is the CRC of the bytes before
/// these.
[[nodiscard]] std::uint32_t crc32c(Bytes bytes, std::uint32_t head = 0);

}  // namespace subunit
