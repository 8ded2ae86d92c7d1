#pragma once

#include "encoder.h"

namespace subunit {

/// A route code says which of several streams in one a packet belongs to, hop by hop:
/// "0/3" is stream 3 within stream 0.
struct Route {
  std::string_view first;
  std::optional<std::string_view> rest;
};

/// Both views point into `code`.
[[nodiscard]] Route split_route(std::string_view code);

/// Appends a copy of `packet` with `hop` put before its route code: "3" becomes "0/3" with hop "0",
/// and no route code becomes "0".
[[nodiscard]] Result<> add_route(const Packet& packet, std::string_view hop, Buffer& out);

/// Appends a copy of `packet` without the first hop of its route code.
[[nodiscard]] Result<> strip_route(const Packet& packet, Buffer& out);

}  // namespace subunit
