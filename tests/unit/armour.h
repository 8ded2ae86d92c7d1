#pragma once

// Frames for tests, and what a reader makes of a stream.

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "common/base/text.h"
#include "common/link/frame/frame_text.h"
#include "common/link/reader/frame_reader.h"

namespace subunit::link {

/// As it goes to the line, LF included.
inline std::string frame_text(const Frame& frame) {
  Buffer out;
  encode_frame(frame, out);
  return std::string(as_text(out));
}

/// A frame with a body of text, to the client.
inline std::string frame_of(std::string_view body, std::uint32_t sequence = 7) {
  return frame_text({.type = Frame::Type::kData,
                     .direction = Frame::Direction::kToClient,
                     .session = 0xABCDEF,
                     .sequence = sequence,
                     .acknowledged = 0xFFFFFF,
                     .body = as_bytes(body)});
}

/// What came out of a reader, with adjacent noise of one kind joined: where noise is cut is not
/// part of the contract.
struct Heard {
  std::vector<std::string> pieces;  // a frame's body after "F", noise after "N" or, damaged, "D"

  void take(FrameReader& reader) {
    while (auto event = reader.next_event()) {
      if (const auto* frame = std::get_if<Frame>(&*event)) {
        pieces.push_back("F" + std::string(as_text(frame->body)));
        continue;
      }
      const auto& noise = std::get<LineNoise>(*event);
      const char kind = noise.noise_class == LineNoise::Class::kText ? 'N' : 'D';
      if (pieces.empty() || pieces.back()[0] != kind) pieces.push_back(std::string(1, kind));
      pieces.back() += as_text(noise.bytes);
    }
  }

  /// All noise in one, and the bodies.
  [[nodiscard]] std::string noise() const {
    std::string all;
    for (const std::string& piece : pieces)
      if (piece[0] != 'F') all += piece.substr(1);
    return all;
  }
  [[nodiscard]] std::vector<std::string> frames() const {
    std::vector<std::string> found;
    for (const std::string& piece : pieces)
      if (piece[0] == 'F') found.push_back(piece.substr(1));
    return found;
  }

  bool operator==(const Heard&) const = default;
};

/// What stands in `pieces`, readable, for messages.
inline std::string shown(const std::vector<std::string>& pieces) {
  std::string all;
  for (const std::string& piece : pieces) all += escaped(piece, 500) + "\n";
  return all;
}

/// Everything in pieces of the size that `size_of_piece` says, then end of file.
template <typename SizeOfPiece>
Heard hear_pieces(FrameReader& reader, std::string_view stream, SizeOfPiece size_of_piece) {
  Heard heard;
  while (!stream.empty()) {
    const std::size_t size = std::min<std::size_t>(stream.size(), size_of_piece());
    reader.receive(as_bytes(stream.substr(0, size)), Time(0));
    heard.take(reader);
    stream.remove_prefix(size);
  }
  reader.receive_eof();
  heard.take(reader);
  return heard;
}

inline Heard hear(std::string_view stream, std::size_t step = SIZE_MAX) {
  FrameReader reader;
  return hear_pieces(reader, stream, [step] { return step; });
}

inline Heard hear_at_cuts(std::string_view stream, std::uint32_t seed) {
  std::mt19937 random(seed);
  FrameReader reader;
  return hear_pieces(reader, stream, [&] {
    const std::size_t largest = std::size_t{1} << (random() % 12);
    return 1 + random() % largest;
  });
}

/// What a reader must make of `stream`, however the bytes arrive.
inline void check_pieces(const std::string& stream, const std::vector<std::string>& pieces) {
  CAPTURE(escaped(stream, 500));
  CHECK(shown(hear(stream).pieces) == shown(pieces));
  CHECK(shown(hear(stream, 1).pieces) == shown(pieces));
  CHECK(shown(hear(stream, 7).pieces) == shown(pieces));
  for (std::uint32_t seed = 0; seed < 10; ++seed)
    CHECK(shown(hear_at_cuts(stream, seed).pieces) == shown(pieces));
}

/// `line` printed into the middle of `frame`.
inline std::string with_insertion(std::string frame, std::size_t at, const std::string& line) {
  return frame.insert(at, line);
}

}  // namespace subunit::link
