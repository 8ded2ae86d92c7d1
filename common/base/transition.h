#pragma once

// State machines as tables.

#include <cstddef>
#include <optional>

namespace subunit {

/// One row: in state `from`, `step` is allowed and leads to `to`.
template <typename State, typename Step>
struct Transition {
  State from;
  Step step;
  State to;
};

/// Where `step` leads; nothing if it is not allowed in `from`.
template <typename State, typename Step, std::size_t kSize>
constexpr std::optional<State> next_state(const Transition<State, Step> (&table)[kSize], State from,
                                          Step step) {
  for (const auto& row : table) {
    if (row.from == from && row.step == step) return row.to;
  }
  return std::nullopt;
}

}  // namespace subunit
