// echo_server PACKETS: reads a request of that many small packets from stdin and answers with the
// same bytes on stdout, one write a packet; again and again until end of file.

#include "tests/perf/packets.h"

int main(int, char** argv) {
  perf::Buffer request(std::stoul(argv[1]) * perf::kSmallPacket);
  perf::PacketInput input(STDIN_FILENO);
  while (input.read_all(request))
    for (std::size_t at = 0; at < request.size(); at += perf::kSmallPacket)
      perf::write_all(STDOUT_FILENO, perf::Bytes(request).subspan(at, perf::kSmallPacket));
}
