#include "common/link/link.h"

#include <doctest/doctest.h>

#include "tests/link_conversations.h"

using namespace subunit;
using namespace std::chrono_literals;

TEST_CASE("both streams arrive, and both ends know that they have") {
  LinkSimulation simulation;
  fill(simulation, 300'000, 200'000);
  simulation.run(10s);
  check_exact(simulation);
  check_noise(simulation);
}
