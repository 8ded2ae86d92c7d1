#include "common/verdict/end_of_test.h"

#include "common/base/escape.h"
#include "common/base/utf8.h"

namespace subunit::verdict {

Fields fields_of(const EndOfTest& end, std::string& text) {
  text = scan_utf8(as_bytes(end.reason)).valid == end.reason.size() ? std::string(end.reason)
                                                                    : escaped(end.reason, SIZE_MAX);
  return {.test_id = end.test_id,
          .route_code = end.route,
          .mime_type = "text/plain;charset=utf8",
          .timestamp = end.when,
          .file = File{"subunit-proxy", as_bytes(text)},
          .status = end.status,
          .eof = true};
}

void encode_end(const EndOfTest& end, Buffer& out) {
  std::string text;
  encode_end(fields_of(end, text), {}, out);
}

void encode_end(const Fields& fields, TagList tags, Buffer& out) {
  // The id came out of a packet, and a reason is a page of text, so this can be encoded.
  if (encode_file(fields, tags, out)) return;
  (void)encode({.test_id = fields.test_id,
                .route_code = fields.route_code,
                .timestamp = fields.timestamp,
                .status = fields.status},
               out);
}

}  // namespace subunit::verdict
