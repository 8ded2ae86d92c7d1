#pragma once

// Streams for tests: packets put together in one line, and what a decoder makes of bytes.

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "common/base/crc.h"
#include "common/subunit/decoder.h"
#include "common/subunit/encoder.h"

namespace subunit {

/// `fields` encoded. The test ends if they cannot be.
inline std::string packet(const Fields& fields, TagList tags = {}) {
  Buffer out;
  if (const auto encoded = encode(fields, tags, out); !encoded) FAIL(encoded.error().text);
  return std::string(as_text(out));
}

inline std::string status(std::string_view test_id, Status status) {
  return packet({.test_id = test_id, .status = status});
}

/// `value` as a number of `size` bytes, 1 to 4, be that more than it needs.
inline std::string number(std::uint32_t value, std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t i = size; i-- > 0; value >>= 8) out[i] = static_cast<char>(value);
  out[0] = static_cast<char>(out[0] | (size - 1) << 6);
  return out;
}

/// `content` as a text whose size takes `size` bytes.
inline std::string text(std::string_view content, std::size_t size = 1) {
  return number(static_cast<std::uint32_t>(content.size()), size).append(content);
}

/// A packet with the right length and CRC around whatever stands in `flags` and `fields`. Its
/// length takes `length_size` bytes, or as few as it can.
inline std::string framed(std::uint16_t flags, std::string_view fields,
                          std::size_t length_size = 0) {
  const auto total = [&](std::size_t size) {
    return static_cast<std::uint32_t>(3 + size + fields.size() + kCrcSize);
  };
  if (length_size == 0) length_size = total(1) < 1u << 6 ? 1 : total(2) < 1u << 14 ? 2 : 3;
  Buffer out{kSignature};
  append_be16(out, flags);
  append(out, as_bytes(number(total(length_size), length_size)));
  append(out, as_bytes(fields));
  append_be32(out, crc32(out));
  return std::string(as_text(out));
}

/// What came out of a decoder, with adjacent noise joined: where noise is cut is not part of the
/// contract.
struct Decoded {
  std::vector<std::string> pieces;  // a packet's bytes after "P", noise after "N"

  void take(Decoder& decoder) {
    while (auto event = decoder.next_event()) {
      if (const auto* packet = std::get_if<Packet>(&*event)) {
        pieces.push_back("P" + std::string(as_text(packet->raw)));
      } else {
        add_noise(as_text(std::get<Noise>(*event).bytes));
      }
    }
  }

  void add_noise(std::string_view bytes) {
    if (pieces.empty() || pieces.back()[0] != 'N') pieces.push_back("N");
    pieces.back() += bytes;
  }

  [[nodiscard]] std::string bytes() const {
    std::string all;
    for (const std::string& piece : pieces) all += piece.substr(1);
    return all;
  }

  [[nodiscard]] std::vector<std::string> packets() const {
    std::vector<std::string> found;
    for (const std::string& piece : pieces)
      if (piece[0] == 'P') found.push_back(piece.substr(1));
    return found;
  }

  bool operator==(const Decoded&) const = default;
};

/// Everything in pieces of `step` bytes, then end of file.
inline Decoded decode(std::string_view stream, std::size_t step = SIZE_MAX) {
  Decoder decoder;
  Decoded decoded;
  for (std::size_t at = 0; at < stream.size(); at += std::min(step, stream.size() - at)) {
    decoder.receive(as_bytes(stream.substr(at, step)), Time(0));
    decoded.take(decoder);
  }
  decoder.receive_eof();
  decoded.take(decoder);
  return decoded;
}

/// The same in pieces of random sizes.
inline Decoded decode_at_cuts(std::string_view stream, std::uint32_t seed) {
  std::mt19937 random(seed);
  Decoder decoder;
  Decoded decoded;
  while (!stream.empty()) {
    const std::size_t largest = std::size_t{1} << (random() % 20);
    const std::size_t size = std::min(stream.size(), 1 + random() % largest);
    decoder.receive(as_bytes(stream.substr(0, size)), Time(0));
    decoded.take(decoder);
    stream.remove_prefix(size);
  }
  decoder.receive_eof();
  decoded.take(decoder);
  return decoded;
}

}  // namespace subunit
