#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "../subunit/encoder.h"

namespace subunit::verdict {

/// What ends a test as failed, or with another final status, on behalf of whoever can no longer do
/// it.
struct EndOfTest {
  std::string_view test_id;
  std::string_view reason;  ///< text; bytes that are not UTF-8 are escaped
  std::optional<Timestamp> when = std::nullopt;
  Status status = Status::kFail;
  std::optional<std::string_view> route = std::nullopt;
};

/// The packet's fields, with the reason as attachment "subunit-proxy". `text` gets the reason, and
/// has to last as long as the result.
[[nodiscard]] Fields fields_of(const EndOfTest& end, std::string& text);

/// Appends the packet: without reason and tags if it cannot be encoded with them, since a reader
/// must not miss the end of a test in any case.
void encode_end(const EndOfTest& end, Buffer& out);
void encode_end(const Fields& fields, TagList tags, Buffer& out);

}  // namespace subunit::verdict
