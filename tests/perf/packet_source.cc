// packet_source SIZE COUNT: writes COUNT file packets of SIZE bytes to stdout, as fast as it takes
// them.

#include <algorithm>

#include "tests/perf/packets.h"

int main(int, char** argv) {
  const std::size_t size = std::stoul(argv[1]);
  std::size_t count = std::stoul(argv[2]);

  constexpr std::size_t kWriteSize = 1 << 20;
  const std::size_t in_block = std::min(count, kWriteSize / size);
  perf::Buffer block;
  for (std::size_t i = 0; i < in_block; ++i)
    subunit::append(block, perf::file_packet(size, static_cast<std::uint32_t>(i % 16)));
  while (count > 0) {
    const std::size_t now = std::min(count, in_block);
    perf::write_all(STDOUT_FILENO, perf::Bytes(block).first(now * size));
    count -= now;
  }
}
