// round_trip COUNT PACKETS: writes a request of that many small packets to stdout, one write a
// packet, waits for the same bytes on stdin, COUNT times. Prints the median and the longest time
// of a round trip in microseconds to stderr.

#include <algorithm>
#include <chrono>

#include "tests/perf/packets.h"

int main(int, char** argv) {
  std::vector<double> times(std::stoul(argv[1]));
  perf::Buffer request;
  for (std::size_t i = 0; i < std::stoul(argv[2]); ++i)
    subunit::append(request, perf::file_packet(perf::kSmallPacket, static_cast<std::uint32_t>(i)));
  perf::Buffer answer(request.size());
  perf::PacketInput input(STDIN_FILENO);
  for (double& time : times) {
    const auto start = std::chrono::steady_clock::now();
    for (std::size_t at = 0; at < request.size(); at += perf::kSmallPacket)
      perf::write_all(STDOUT_FILENO, perf::Bytes(request).subspan(at, perf::kSmallPacket));
    if (!input.read_all(answer)) perf::die("the answer is cut off");
    time =
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
    if (answer != request) perf::die("the answer differs from the request");
  }
  std::ranges::sort(times);
  std::fprintf(stderr, "%.3f %.3f\n", times[times.size() / 2], times.back());
}
