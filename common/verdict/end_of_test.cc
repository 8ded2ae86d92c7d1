#include "common/verdict/end_of_test.h"

#include <string>

#include "common/base/escape.h"
#include "common/base/utf8.h"
#include "common/subunit/encoder.h"

namespace subunit::verdict {

void encode_end(std::string_view test_id, std::optional<std::string_view> route,
                std::optional<Timestamp> when, std::string_view reason, Buffer& out,
                Status status) {
  const std::string text = scan_utf8(as_bytes(reason)).valid == reason.size()
                               ? std::string(reason)
                               : escaped(reason, SIZE_MAX);
  // The id came out of a packet, and a reason is a page of text, so this can be encoded. A reader
  // must not miss the end of a test in any case: without the reason it is still an end.
  const Fields failure{.test_id = test_id,
                       .route_code = route,
                       .mime_type = "text/plain;charset=utf8",
                       .timestamp = when,
                       .file = File{"subunit-proxy", as_bytes(text)},
                       .status = status,
                       .eof = true};
  if (!encode_file(failure, {}, out)) {
    (void)encode({.test_id = test_id, .route_code = route, .timestamp = when, .status = status},
                 out);
  }
}

}  // namespace subunit::verdict
