// link_goodput [BYTES]       sends so many random bytes (1,000,000) to the client over bad lines
// link_goodput cost [BYTES]  and over none at all: what the two ends cost together
//
// The first prints one line of JSON for each line, code and error rate, in virtual time:
//   rate            of the line, bytes per second
//   errors          for each byte, one half of them lost, the other with a bit changed
//   upgraded        whether the denser code was allowed
//   share           payload bytes per second over the rate
//   frames          that carried payload or anything else, retransmitted ones too
//   retransmitted   of them
// The second prints megabytes of payload for each second of CPU time, in base 64 and upgraded.

#include <time.h>

#include <cstdio>
#include <string>
#include <vector>

#include "tests/link_simulation.h"
#include "tests/perf/packets.h"

namespace {

using namespace subunit;
using namespace subunit::link;
using namespace std::chrono_literals;

std::string random_bytes(std::size_t size) {
  std::mt19937_64 random(1);
  std::string out(size, '\0');
  for (char& byte : out) byte = static_cast<char>(random());
  return out;
}

void measure(double rate, double errors, bool upgrade, const std::string& payload) {
  const LineFaults line{
      .bytes_per_second = rate, .delay = 1ms, .loss = errors / 2, .flip = errors / 2};
  LinkOptions serve = LinkSimulation::serve_at(line);
  serve.may_upgrade = upgrade;
  LinkSimulation simulation(serve, line, LinkSimulation::client_at(line), line, 1);
  simulation.serve.to_send = payload;
  simulation.run(std::chrono::hours(24),
                 [&] { return simulation.client.received.size() == payload.size(); });
  if (simulation.client.received != payload) perf::die("the payload has not arrived");
  const double seconds = std::chrono::duration<double>(simulation.now).count();
  const auto statistics = simulation.serve.link->statistics();
  std::printf(
      "{\"rate\": %.0f, \"errors\": %g, \"upgraded\": %s, \"share\": %.4f, \"frames\": %llu, "
      "\"retransmitted\": %llu}\n",
      rate, errors, upgrade ? "true" : "false",
      static_cast<double>(payload.size()) / seconds / rate,
      static_cast<unsigned long long>(statistics.frames_sent),
      static_cast<unsigned long long>(statistics.retransmitted));
}

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// All that `from` says now goes to `to`; the payload that came by that.
std::size_t pass(Link& from, Link& to, Time now) {
  std::size_t received = 0;
  while (true) {
    const Bytes output = from.pending_output(now);
    if (output.empty()) return received;
    to.receive(output, now);
    from.consume_output();
    while (const auto event = to.next_event()) {
      if (const auto* const payload = std::get_if<Link::Payload>(&*event))
        received += payload->bytes.size();
    }
  }
}

void measure_cost(bool upgrade, const std::string& payload) {
  Link serve({.sends = Frame::Direction::kToClient, .nonce = 1, .may_upgrade = upgrade});
  Link client({.sends = Frame::Direction::kToServe, .nonce = 2});
  constexpr std::size_t kPiece = 64 << 10;
  const double start = cpu_seconds();
  std::size_t sent = 0, received = 0;
  for (Time now{0}; received < payload.size(); now += 10us) {
    for (; sent < payload.size() && serve.queued() < 4 * kPiece; sent += kPiece)
      serve.send(as_bytes(std::string_view(payload).substr(sent, kPiece)));
    received += pass(serve, client, now);
    pass(client, serve, now);
    serve.tick(now);
    client.tick(now);
  }
  std::printf("{\"upgraded\": %s, \"megabytes_per_cpu_second\": %.1f}\n",
              upgrade ? "true" : "false",
              static_cast<double>(payload.size()) / 1e6 / (cpu_seconds() - start));
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  const bool cost = !words.empty() && words[0] == "cost";
  if (cost) words.erase(words.begin());
  const std::size_t size = words.empty() ? (cost ? 100'000'000 : 1'000'000) : std::stoul(words[0]);
  const std::string payload = random_bytes(size);
  for (const bool upgrade : {false, true}) {
    if (cost) {
      measure_cost(upgrade, payload);
      continue;
    }
    for (const double rate : {960.0, 11520.0, 115200.0}) {
      for (const double errors : {0.0, 1e-5, 1e-4, 1e-3, 1e-2})
        measure(rate, errors, upgrade, payload);
    }
  }
  return 0;
}
