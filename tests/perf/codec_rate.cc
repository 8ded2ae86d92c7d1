// codec_rate make FILE COUNT   writes COUNT status packets of 74 bytes
// codec_rate decode FILE       prints how many packets of FILE are decoded in a second of CPU time
// codec_rate encode FILE       the same for encoding them; the bytes must come out as they are
//
// codec_rate.py does the same with python-subunit.

#include <time.h>

#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>

#include "common/subunit/decoder.h"
#include "tests/perf/packets.h"

namespace {

using subunit::Buffer;
using subunit::Bytes;

constexpr std::size_t kPacketSize = 74;
constexpr std::size_t kReadSize = 65536;  // as much as a pipe gives at once

Buffer make(std::size_t count) {
  Buffer stream, packet;
  for (std::size_t i = 0; i < count; ++i) {
    std::string id = std::to_string(i / 2);  // two packets a test
    id = "package.tests.test_module.TestClass.test_case_" + std::string(10 - id.size(), '0') + id;
    const auto seconds = static_cast<std::uint32_t>(1'700'000'000 + i / 1000);
    const auto nanoseconds = static_cast<std::uint32_t>(500'000'000 + i % 1000 * 1000);
    packet.clear();
    const auto encoded = subunit::encode(
        {.test_id = id,
         .timestamp = subunit::Timestamp{seconds, nanoseconds},
         .status = i % 2 == 0 ? subunit::Status::kInProgress : subunit::Status::kSuccess},
        packet);
    if (!encoded || packet.size() != kPacketSize) perf::die("a packet has another size");
    subunit::append(stream, packet);
  }
  return stream;
}

template <typename Take>
void decode(Bytes stream, const Take& take) {
  subunit::Decoder decoder(kReadSize);
  while (!stream.empty()) {
    // Copied, as read() would.
    const auto room = decoder.prepare(kReadSize / 2);
    const Bytes piece = stream.first(std::min(stream.size(), room.size()));
    std::memcpy(room.data(), piece.data(), piece.size());
    decoder.commit(piece.size(), subunit::Time(0));
    while (const auto event = decoder.next_event()) {
      const auto* packet = std::get_if<subunit::Packet>(&*event);
      if (!packet) perf::die("noise");
      take(*packet);
    }
    stream = stream.subspan(piece.size());
  }
}

/// Seconds of CPU time: other processes on the machine do not count.
double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Runs `pass`, which handles `packets` packets, for a while, and prints the rate.
void print_rate(std::size_t packets, const std::function<void()>& pass) {
  constexpr double kEnough = 0.3;  // seconds
  pass();
  const double start = cpu_seconds();
  double seconds = 0;
  std::size_t handled = 0;
  do {
    pass();
    handled += packets;
    seconds = cpu_seconds() - start;
  } while (seconds < kEnough);
  std::printf("%.0f\n", static_cast<double>(handled) / seconds);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) perf::die("usage: see the source");
  const std::string_view task = argv[1];
  if (task == "make") {
    const Buffer stream = make(std::stoul(argv[3]));
    std::ofstream(argv[2], std::ios::binary) << subunit::as_text(stream);
    return 0;
  }

  std::ifstream file(argv[2], std::ios::binary);
  const Buffer stream{std::istreambuf_iterator<char>(file), {}};
  const std::size_t count = stream.size() / kPacketSize;
  if (task == "decode") {
    print_rate(count, [&] {
      std::size_t passed = 0;
      std::uint64_t ids = 0;
      decode(stream, [&](const subunit::Packet& packet) {
        passed += packet.status == subunit::Status::kSuccess;
        ids += packet.test_id->size() + packet.timestamp->nanoseconds;
      });
      if (passed != count / 2 || ids == 0) perf::die("not all packets came");
    });
    return 0;
  }

  std::vector<std::string> ids;  // the decoder's views do not last
  std::vector<subunit::Fields> all;
  decode(stream, [&](const subunit::Packet& packet) {
    ids.emplace_back(*packet.test_id);
    all.push_back(packet);
  });
  for (std::size_t i = 0; i < all.size(); ++i) all[i].test_id = ids[i];
  Buffer out;
  print_rate(count, [&] {
    std::size_t done = 0;
    const auto written = [&] {  // as to a pipe
      if (std::memcmp(out.data(), stream.data() + done, out.size()) != 0)
        perf::die("encoding gave other bytes");
      done += out.size();
      out.clear();
    };
    for (const subunit::Fields& fields : all) {
      if (!subunit::encode(fields, out)) perf::die("cannot encode");
      if (out.size() >= kReadSize) written();
    }
    written();
  });
}
