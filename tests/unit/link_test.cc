#include "common/link/link.h"

#include <doctest/doctest.h>

#include "tests/link_simulation.h"

using namespace subunit;
using namespace std::chrono_literals;

namespace {

/// Bytes that look like any.
std::string some_bytes(std::size_t size, std::uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  std::string out(size, '\0');
  for (char& byte : out) byte = static_cast<char>(random());
  return out;
}

/// Both streams, exactly, and an orderly end.
void check_exact(const LinkSimulation& simulation) {
  for (const auto* end : {&simulation.serve, &simulation.client}) {
    CHECK(end->opened);
    CHECK(end->finished);
    CHECK(end->closed);
    CHECK(end->dead.value_or("") == "");
  }
  CHECK(simulation.client.received == simulation.serve.to_send);
  CHECK(simulation.serve.received == simulation.client.to_send);
}

}  // namespace

TEST_CASE("both streams arrive, and both ends know that they have") {
  LinkSimulation simulation;
  simulation.serve.to_send = some_bytes(300'000, 1);
  simulation.client.to_send = some_bytes(200'000, 2);
  simulation.run(10s);
  check_exact(simulation);
  CHECK(simulation.serve.noise == "");
  CHECK(simulation.client.noise == "");
}

TEST_CASE("both streams arrive over a slow line with a delay") {
  const LineFaults line{.bytes_per_second = 11520, .delay = 5ms};
  LinkSimulation simulation(line);
  simulation.serve.to_send = some_bytes(200'000, 1);
  simulation.client.to_send = some_bytes(100'000, 2);
  simulation.run(60s);
  check_exact(simulation);
}

TEST_CASE("both streams arrive over a line that loses and changes bytes") {
  for (const double rate : {1e-4, 1e-3, 1e-2}) {
    CAPTURE(rate);
    const LineFaults line{
        .bytes_per_second = 11520, .delay = 5ms, .loss = rate / 2, .flip = rate / 2};
    LinkSimulation simulation(line);
    simulation.serve.to_send = some_bytes(50'000, 1);
    simulation.client.to_send = some_bytes(20'000, 2);
    simulation.run(600s);
    check_exact(simulation);
  }
}
