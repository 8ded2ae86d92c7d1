#include "common/link/frame_writer.h"

#include <cassert>

#include "common/base/crc32c.h"
#include "common/link/base64.h"
#include "common/link/frame_text.h"

namespace subunit::link {
namespace {

/// The mark and a header, for a body of so many characters. The position behind the mark.
std::size_t begin_frame(const Frame& frame, std::size_t body_text, Buffer& out) {
  assert(frame.session < kFrameNumbers && frame.sequence < kFrameNumbers &&
         frame.acknowledged < kFrameNumbers && body_text <= kMaxBodyText);
  append(out, as_bytes(kFrameMark));
  const std::size_t text = out.size();
  append_frame_header({.frame = frame, .body_text = body_text}, out);
  return text;
}

/// The CRC of what follows position `text`, and the end.
void end_frame(std::size_t text, Buffer& out) {
  append_base64_number(crc32c(Bytes(out).subspan(text)), kCrcText, out);
  out.push_back(kFrameEnd);
  out.push_back('\n');
}

}  // namespace

void encode_frame(const Frame& frame, Buffer& out) {
  assert(frame.type != Frame::Type::kDense);
  const std::size_t text = begin_frame(frame, base64_size(frame.body.size()), out);
  append_base64(frame.body, out);
  end_frame(text, out);
}

void encode_dense_frame(const Frame& frame, const DenseCode& code, Buffer& out) {
  assert(frame.type == Frame::Type::kDense);
  const std::size_t text = begin_frame(frame, code.size(frame.body), out);
  code.encode(frame.body, out);
  end_frame(text, out);
}

}  // namespace subunit::link
