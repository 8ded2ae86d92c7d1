#pragma once

#include <fmt/core.h>

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace subunit {

/// Why something that can fail in normal life has failed, in words for a person: what was being
/// done, what was seen (escaped, cut), what to try.
struct Error {
  std::string text;
};

/// A value, or the Error that took its place.
template <typename T = void>
using Result = tl::expected<T, Error>;

/// `return error("cannot listen on {}: {}", address, reason);`
template <typename... Args>
[[nodiscard]] tl::unexpected<Error> error(fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected<Error>(Error{fmt::format(format, std::forward<Args>(args)...)});
}

}  // namespace subunit
