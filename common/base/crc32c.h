#pragma once

#include "bytes.h"

namespace subunit {

/// CRC-32C (Castagnoli), the one of iSCSI and RFC 3720. `head` is the CRC of the bytes before
/// these.
[[nodiscard]] std::uint32_t crc32c(Bytes bytes, std::uint32_t head = 0);

}  // namespace subunit
