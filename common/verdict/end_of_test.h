#pragma once

#include <optional>
#include <string_view>

#include "../subunit/packet.h"

namespace subunit::verdict {

/// Appends the packet that ends `test_id` as failed, or with another final `status`, on behalf of
/// whoever can no longer do it, with `reason` (text; bytes that are not UTF-8 are escaped) as
/// attachment "subunit-proxy".
void encode_end(std::string_view test_id, std::optional<std::string_view> route,
                std::optional<Timestamp> when, std::string_view reason, Buffer& out,
                Status status = Status::kFail);

}  // namespace subunit::verdict
