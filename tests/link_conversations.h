#pragma once

// What tests of the console link have in common.

#include <doctest/doctest.h>

#include "common/base/escape.h"
#include "tests/link_simulation.h"

namespace subunit {

/// Bytes that look like any.
inline std::string some_bytes(std::size_t size, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string out(size, '\0');
  for (char& byte : out) byte = static_cast<char>(random());
  return out;
}

/// Payload for both directions.
inline void fill(LinkSimulation& simulation, std::size_t from_serve, std::size_t from_client) {
  simulation.serve.to_send = some_bytes(from_serve, 1);
  simulation.client.to_send = some_bytes(from_client, 2);
}

/// Both streams, exactly, and an orderly end.
inline void check_exact(const LinkSimulation& simulation) {
  for (const auto* end : {&simulation.serve, &simulation.client}) {
    CAPTURE(end == &simulation.serve);
    CHECK(end->opened);
    CHECK(end->finished);
    CHECK(end->closed);
    CHECK(end->dead.value_or("") == "");
  }
  const bool to_client = simulation.client.received == simulation.serve.to_send;
  const bool to_serve = simulation.serve.received == simulation.client.to_send;
  CHECK(to_client);  // not their values, which are no text
  CHECK(to_serve);
}

/// What the line said itself, and nothing else.
inline void check_noise(const LinkSimulation& simulation) {
  CHECK(escaped(simulation.client.noise, 1000) == escaped(simulation.serve.line.foreign(), 1000));
  CHECK(escaped(simulation.serve.noise, 1000) == escaped(simulation.client.line.foreign(), 1000));
  const bool same = simulation.client.noise == simulation.serve.line.foreign() &&
                    simulation.serve.noise == simulation.client.line.foreign();
  CHECK(same);
}

/// Each line that the line said itself, somewhere in the noise, in order.
inline void check_lines_in_noise(const LinkSimulation::End& reader, const LineSimulation& line) {
  std::size_t from = 0;
  std::string_view lines = line.foreign();
  while (!lines.empty()) {
    const std::string_view first = lines.substr(0, lines.find('\n') + 1);
    const std::size_t at = reader.noise.find(first, from);
    CAPTURE(escaped(first));
    REQUIRE(at != std::string::npos);
    from = at + first.size();
    lines.remove_prefix(first.size());
  }
}

}  // namespace subunit
