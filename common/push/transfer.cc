#include "common/push/transfer.h"

#include <fmt/core.h>
#include <libdeflate.h>

#include <array>
#include <bit>
#include <cmath>
#include <memory>

#include "common/base/crc.h"

namespace subunit::push {
namespace {

constexpr std::array<std::pair<std::string_view, Tool>, 5> kTools = {{{"head", Tool::kHead},
                                                                      {"dd", Tool::kDd},
                                                                      {"base64", Tool::kBase64},
                                                                      {"uudecode", Tool::kUudecode},
                                                                      {"printf", Tool::kPrintf}}};

// Lines of 76 characters at most (RFC 2045, 6.8), of 45 bytes (POSIX, uuencode), and what is safe
// on a terminal that takes lines.
constexpr std::size_t kBase64Bytes = 57;
constexpr std::size_t kUuBytes = 45;
constexpr std::size_t kPrintfBytes = 64;

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// A slow line is worth half a second for each megabyte, a fast one ten milliseconds.
constexpr int kLevelOfBlocks = 12;
constexpr int kLevel = 3;

Buffer gzip(Bytes file, int level) {
  const std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)> compressor(
      libdeflate_alloc_compressor(level), &libdeflate_free_compressor);
  Buffer packed(libdeflate_gzip_compress_bound(compressor.get(), file.size()));
  packed.resize(libdeflate_gzip_compress(compressor.get(), file.data(), file.size(), packed.data(),
                                         packed.size()));
  return packed;
}

void add(std::string_view text, Buffer& out) {
  append(out, as_bytes(text));
}

/// The 24 bits of up to three bytes, from the left.
std::uint32_t triple(Bytes bytes) {
  std::uint32_t bits = 0;
  for (std::size_t at = 0; at < 3; ++at) bits = bits << 8 | (at < bytes.size() ? bytes[at] : 0U);
  return bits;
}

void add_base64_line(Bytes bytes, Buffer& out) {
  for (; !bytes.empty(); bytes = bytes.subspan(std::min<std::size_t>(bytes.size(), 3))) {
    const std::uint32_t bits = triple(bytes);
    for (std::size_t digit = 0; digit < 4; ++digit)
      out.push_back(digit > bytes.size()
                        ? '='
                        : static_cast<std::uint8_t>(kDigits[bits >> (18 - 6 * digit) & 0x3F]));
  }
}

void add_uu_line(Bytes bytes, Buffer& out) {
  const auto character = [](std::uint32_t value) {
    return static_cast<std::uint8_t>(value == 0 ? '`' : ' ' + value);
  };
  out.push_back(character(static_cast<std::uint32_t>(bytes.size())));
  for (; !bytes.empty(); bytes = bytes.subspan(std::min<std::size_t>(bytes.size(), 3))) {
    const std::uint32_t bits = triple(bytes);
    for (std::size_t digit = 0; digit < 4; ++digit)
      out.push_back(character(bits >> (18 - 6 * digit) & 0x3F));
  }
}

void add_octal_line(Bytes bytes, Buffer& out) {
  for (const std::uint8_t byte : bytes) {
    out.push_back('\\');
    for (const int shift : {6, 3, 0})
      out.push_back(static_cast<std::uint8_t>('0' + (byte >> shift & 7)));
  }
}

void add_lines(Bytes bytes, std::size_t each, void (*add_line)(Bytes, Buffer&), Buffer& out) {
  for (; !bytes.empty(); bytes = bytes.subspan(std::min(bytes.size(), each))) {
    add_line(bytes.first(std::min(bytes.size(), each)), out);
    out.push_back('\n');
  }
}

}  // namespace

std::optional<Tool> Transfer::tool_of(std::string_view name) {
  for (const auto& [known, tool] : kTools)
    if (known == name) return tool;
  return std::nullopt;
}

Buffer pack(Bytes file, Transfer transfer) {
  if (transfer.packed) return gzip(file, transfer.blocks ? kLevelOfBlocks : kLevel);
  return {file.begin(), file.end()};
}

Buffer encode_whole(Bytes packed, Tool tool) {
  Buffer out;
  add(fmt::format("{}\n", packed.size()), out);
  if (tool == Tool::kHead || tool == Tool::kDd) {
    append(out, packed);
  } else {
    append(out, encode_block(packed, tool));
    add(".\n", out);
  }
  return out;
}

Buffer encode_block(Bytes bytes, Tool tool) {
  Buffer out;
  switch (tool) {
    case Tool::kHead:
    case Tool::kDd:
      append(out, bytes);
      break;
    case Tool::kBase64:
      add_lines(bytes, kBase64Bytes, add_base64_line, out);
      break;
    case Tool::kUudecode:
      add("begin 600 x\n", out);
      add_lines(bytes, kUuBytes, add_uu_line, out);
      add("`\nend\n", out);
      break;
    case Tool::kPrintf:
      add_lines(bytes, kPrintfBytes, add_octal_line, out);
      break;
  }
  return out;
}

std::uint32_t cksum(Bytes bytes) {
  std::uint32_t crc = 0;
  const auto add_byte = [&crc](std::uint8_t byte) {
    crc ^= static_cast<std::uint32_t>(byte) << 24;
    for (int bit = 0; bit < 8; ++bit) crc = crc << 1 ^ ((crc >> 31) != 0 ? 0x04C11DB7U : 0U);
  };
  for (const std::uint8_t byte : bytes) add_byte(byte);
  for (std::size_t size = bytes.size(); size > 0; size >>= 8)
    add_byte(static_cast<std::uint8_t>(size));
  return ~crc;
}

// RFC 1321.
std::string md5(Bytes bytes) {
  constexpr std::size_t kBlock = 64;
  constexpr std::array<int, 16> kShifts = {7, 12, 17, 22, 5, 9,  14, 20,
                                           4, 11, 16, 23, 6, 10, 15, 21};
  Buffer padded(bytes.begin(), bytes.end());
  padded.push_back(0x80);
  while (padded.size() % kBlock != kBlock - 8) padded.push_back(0);
  for (int at = 0; at < 64; at += 8)
    padded.push_back(static_cast<std::uint8_t>(std::uint64_t{bytes.size()} * 8 >> at));
  std::array<std::uint32_t, 4> state = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476};
  for (std::size_t begin = 0; begin < padded.size(); begin += kBlock) {
    auto [a, b, c, d] = state;
    for (std::size_t step = 0; step < kBlock; ++step) {
      const std::size_t round = step / 16;
      const std::array<std::uint32_t, 4> mixed = {(b & c) | (~b & d), (b & d) | (c & ~d), b ^ c ^ d,
                                                  c ^ (b | ~d)};
      const std::array<std::size_t, 4> words = {step, 5 * step + 1, 3 * step + 5, 7 * step};
      const std::uint8_t* const word = &padded[begin + words[round] % 16 * 4];
      const std::uint32_t little_endian =
          word[0] | word[1] << 8 | word[2] << 16 | static_cast<std::uint32_t>(word[3]) << 24;
      const auto sine = static_cast<std::uint32_t>(
          std::abs(std::sin(static_cast<double>(step) + 1)) * 4294967296.0);
      const std::uint32_t sum = a + mixed[round] + sine + little_endian;
      a = std::exchange(d, std::exchange(c, b));
      b += std::rotl(sum, kShifts[round * 4 + step % 4]);
    }
    state = {state[0] + a, state[1] + b, state[2] + c, state[3] + d};
  }
  std::string text;
  for (const std::uint32_t word : state)
    for (int at = 0; at < 32; at += 8) text += fmt::format("{:02x}", word >> at & 0xFF);
  return text;
}

std::string content_hash(Bytes file) {
  return fmt::format("{:08x}{:08x}", crc32(file), libdeflate_adler32(1, file.data(), file.size()));
}

}  // namespace subunit::push
