#pragma once

// The packets that the benchmarks send, and the plain blocking I/O that they share.

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <span>
#include <string>

#include "common/subunit/encoder.h"

namespace perf {

using subunit::Buffer;
using subunit::Bytes;

/// Small packets are this long, as a status with a timestamp and a long test id is.
inline constexpr std::size_t kSmallPacket = 100;

[[noreturn]] inline void die(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

/// A file packet of exactly `size` bytes, with random content.
inline Buffer file_packet(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  Buffer content(size);
  for (std::uint8_t& byte : content) byte = static_cast<std::uint8_t>(random());
  for (std::size_t content_size = size; content_size-- > 0;) {
    Buffer packet;
    const subunit::File file{"stdout", Bytes(content).first(content_size)};
    const auto encoded = subunit::encode(
        {.test_id = "package.module.Class.test_name", .mime_type = "text/plain", .file = file},
        packet);
    if (!encoded) die(encoded.error().text);
    if (packet.size() == size) return packet;
    if (packet.size() < size) break;
  }
  die("no file packet has " + std::to_string(size) + " bytes");
}

inline void write_all(int fd, Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written <= 0) die("cannot write");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

/// Reads small packets. A proxy that has nothing more to write ends its line: what stands between
/// packets is no part of them.
class PacketInput {
 public:
  explicit PacketInput(int fd) : fd_(fd) {}

  /// `room`: of a number of packets. False at the end of the stream.
  bool read_all(std::span<std::uint8_t> room) {
    for (; !room.empty(); room = room.subspan(kSmallPacket))
      if (!read_one(room.first(kSmallPacket))) return false;
    return true;
  }

 private:
  bool read_one(std::span<std::uint8_t> room) {
    for (std::size_t got = 0; got < room.size();) {
      if (at_ == end_ && !refill()) return false;
      if (got == 0 && buffer_[at_] == '\n') {
        ++at_;
        continue;
      }
      const std::size_t size = std::min(room.size() - got, end_ - at_);
      std::copy_n(&buffer_[at_], size, &room[got]);
      got += size;
      at_ += size;
    }
    return true;
  }

  bool refill() {
    const ssize_t got = ::read(fd_, buffer_.data(), buffer_.size());
    at_ = 0;
    end_ = got > 0 ? static_cast<std::size_t>(got) : 0;
    return got > 0;
  }

  const int fd_;
  std::array<std::uint8_t, 65536> buffer_;
  std::size_t at_ = 0, end_ = 0;
};

}  // namespace perf
