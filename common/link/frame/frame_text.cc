#include "common/link/frame/frame_text.h"

#include <algorithm>
#include <cassert>

#include "common/base/crc.h"
#include "common/link/frame/base64.h"

namespace subunit::link {
namespace {

constexpr std::string_view kTypes = "hdefaptmcx";
constexpr std::uint8_t kSmall = 0x20;  // what a small letter has and a capital has not

}  // namespace

void append_frame_header(const FrameHeader& header, Buffer& out) {
  const Frame& frame = header.frame;
  const auto letter = static_cast<std::uint8_t>(frame.type);
  const bool small = frame.direction == Frame::Direction::kToServe;
  out.push_back(static_cast<std::uint8_t>(small ? letter : letter & ~kSmall));
  append_base64_number(frame.session, 4, out);
  append_base64_number(frame.sequence, 4, out);
  append_base64_number(frame.acknowledged, 4, out);
  append_base64_number(header.body_text, 2, out);
}

bool is_frame_type(std::uint8_t letter) {
  return (letter & 0xC0) == 0x40 &&
         kTypes.find(static_cast<char>(letter | kSmall)) != std::string_view::npos;
}

std::optional<FrameHeader> read_frame_header(Bytes text) {
  if (!is_frame_type(text[0])) return std::nullopt;
  if (std::any_of(text.begin() + 1, text.begin() + kHeaderText,
                  [](std::uint8_t byte) { return kBase64Values[byte] == kNoBase64; }))
    return std::nullopt;
  FrameHeader header;
  header.body_text = load_base64_number(text.subspan(13, 2));
  if (header.body_text > kMaxBodyText) return std::nullopt;
  const auto number = [&](std::size_t at) {
    return static_cast<std::uint32_t>(load_base64_number(text.subspan(at, 4)));
  };
  header.frame = {.type = static_cast<Frame::Type>(text[0] | kSmall),
                  .direction = (text[0] & kSmall) != 0 ? Frame::Direction::kToServe
                                                       : Frame::Direction::kToClient,
                  .session = number(1),
                  .sequence = number(5),
                  .acknowledged = number(9)};
  return header;
}

std::optional<Frame> read_frame_text(const FrameHeader& header, Bytes text,
                                     const std::optional<DenseCode>& dense_code, Buffer& body) {
  const Bytes body_text = text.subspan(kHeaderText, header.body_text);
  body.clear();
  const bool dense = header.frame.type == Frame::Type::kDense;
  if (dense && !dense_code) return std::nullopt;
  if (!(dense ? dense_code->decode(body_text, body) : decode_base64(body_text, body)))
    return std::nullopt;
  const Bytes crc = text.last(kCrcText);
  if (std::any_of(crc.begin(), crc.end(),
                  [](std::uint8_t byte) { return kBase64Values[byte] == kNoBase64; }))
    return std::nullopt;
  if (load_base64_number(crc) != crc32c(text.first(text.size() - kCrcText))) return std::nullopt;
  Frame frame = header.frame;
  frame.body = body;
  return frame;
}

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
