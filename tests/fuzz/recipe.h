#pragma once

// What the fuzz targets share.
//
// Random bytes hardly ever have a right CRC. So an input is a recipe: a target takes choices from
// it, and what they make is what is tested. (Numbers are taken from the input's end, strings from
// its start.)
//
// What an input means therefore changes with the target: one more choice, and all that follow are
// others. The inputs in tests/fuzz/corpus remain good to start from. But whatever a target has ever
// found is a unit test too, in bytes.

#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace subunit {

using Choices = FuzzedDataProvider;

/// What holds whatever the input is.
#define MUST(condition)                                                                        \
  do {                                                                                         \
    if (!(condition)) {                                                                        \
      std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE_NAME__, __LINE__, #condition); \
      std::abort();                                                                            \
    }                                                                                          \
  } while (false)

/// Most often small, sometimes up to 2^`bits`.
inline std::size_t some_size(Choices& choices, int bits) {
  const std::size_t largest = std::size_t{1} << choices.ConsumeIntegralInRange(0, bits);
  return choices.ConsumeIntegralInRange<std::size_t>(0, largest);
}

/// Cuts a stream into pieces of random sizes, up to `largest`.
class Cuts {
 public:
  Cuts(std::uint32_t seed, std::size_t largest) : state_(seed), largest_(largest) {}

  /// How many of the `rest` that is left come next.
  std::size_t operator()(std::size_t rest) {
    state_ = state_ * 1664525 + 1013904223;
    return std::min(rest, 1 + (state_ >> 8) % largest_);
  }

 private:
  std::uint32_t state_;
  std::size_t largest_;
};

}  // namespace subunit
