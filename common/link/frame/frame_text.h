#pragma once

#include <optional>

#include "dense_code.h"
#include "frame.h"

namespace subunit::link {

// The text of a frame is what stands between its mark and its ';', without anything that the line
// has put in between: header, body, CRC.

inline constexpr std::string_view kFrameMark = "#%";
inline constexpr std::uint8_t kFrameEnd = ';';
inline constexpr std::size_t kHeaderText = 15;  // TYPE to LENGTH
inline constexpr std::size_t kCrcText = 6;
inline constexpr std::size_t kMaxFrameText = kHeaderText + kMaxBodyText + kCrcText;
static_assert(kFrameOverhead == kFrameMark.size() + kHeaderText + kCrcText + 2);

struct FrameHeader {
  Frame frame;  // without a body
  std::size_t body_text = 0;
  [[nodiscard]] std::size_t text_size() const { return kHeaderText + body_text + kCrcText; }
};

void append_frame_header(const FrameHeader& header, Buffer& out);

/// What kHeaderText characters say. Nothing if one is no digit, the type is unknown, or LENGTH
/// beyond what a frame may have.
[[nodiscard]] std::optional<FrameHeader> read_frame_header(Bytes text);

/// Whether the character is a TYPE.
[[nodiscard]] bool is_frame_type(std::uint8_t letter);

/// The frame whose text this is; its body is put into `body`. Nothing if the body is not in the
/// code that its type asks for, or the CRC is wrong. A wrong character costs no more than the
/// characters before it.
[[nodiscard]] std::optional<Frame> read_frame_text(const FrameHeader& header, Bytes text,
                                                   const std::optional<DenseCode>& dense_code,
                                                   Buffer& body);

/// Appends the frame and its LF: to be written with one write(), since the kernel prints its own
/// lines between two. `frame.body` is at most kMaxBody long. Not for kDense.
void encode_frame(const Frame& frame, Buffer& out);

/// The same with the body in `code`, where it takes at most kMaxBodyText.
void encode_dense_frame(const Frame& frame, const DenseCode& code, Buffer& out);

}  // namespace subunit::link
