// packet_sink SIZE COUNT: reads COUNT packets of SIZE bytes from stdin, checks the CRC of each,
// and prints the seconds from the first byte to the last. Then reads on to the end, so that the
// writer never sees a broken pipe.
//
// On purpose not our decoder: what it checks must not depend on what is measured.

#include <libdeflate.h>

#include <chrono>
#include <cstring>

#include "tests/perf/packets.h"

int main(int, char** argv) {
  const std::size_t size = std::stoul(argv[1]);
  std::size_t count = std::stoul(argv[2]);

  using Clock = std::chrono::steady_clock;
  Clock::time_point start{};
  perf::Buffer room(1 << 20);
  std::size_t held = 0;
  while (count > 0) {
    const ssize_t got = ::read(STDIN_FILENO, room.data() + held, room.size() - held);
    if (got <= 0) perf::die(std::to_string(count) + " packets are missing");
    if (start == Clock::time_point{}) start = Clock::now();
    held += static_cast<std::size_t>(got);
    std::size_t at = 0;
    while (count > 0) {
      // A proxy that has nothing more to write ends its line.
      if (at < held && room.data()[at] == '\n') ++at;
      if (held - at < size) break;
      const std::uint8_t* const packet = room.data() + at;
      const std::size_t body = size - subunit::kCrcSize;
      if (packet[0] != subunit::kSignature ||
          libdeflate_crc32(0, packet, body) != subunit::load_be32(packet + body))
        perf::die("a packet is damaged; " + std::to_string(count) + " were still to come");
      at += size;
      --count;
    }
    held -= at;
    std::memmove(room.data(), room.data() + at, held);
  }
  std::printf("%.9f\n", std::chrono::duration<double>(Clock::now() - start).count());
  std::fflush(stdout);
  while (::read(STDIN_FILENO, room.data(), room.size()) > 0) {
  }
}
