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
#include <string>

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

/// Harmed as a line harms things: a byte is another one, a part is missing, or something has come
/// in between; `with_lines`: a whole line, too, as a kernel's.
inline std::string damaged(Choices& choices, std::string bytes, bool with_lines = false) {
  if (bytes.empty()) return bytes;
  const std::size_t at = choices.ConsumeIntegralInRange<std::size_t>(0, bytes.size() - 1);
  const int kind = choices.ConsumeIntegralInRange(0, with_lines ? 4 : 3);
  if (kind == 0) {
    bytes[at] = static_cast<char>(choices.ConsumeIntegral<std::uint8_t>());
    return bytes;
  }
  if (kind == 1) return bytes.substr(at);
  if (kind == 2) return bytes.substr(0, at);
  if (kind == 3 && with_lines)
    return bytes.insert(at, choices.ConsumeRandomLengthString(30) + "\r\n");
  return bytes.insert(at, choices.ConsumeRandomLengthString(10));
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
