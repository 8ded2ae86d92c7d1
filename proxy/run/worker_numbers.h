#pragma once

#include <charconv>
#include <set>
#include <string_view>

#include "proxy/run/incident.h"

namespace proxy {

/// Numbers for workers, each given once. Behind a single channel a worker has the number that the
/// proxy there calls it by, in whatever order they come: a replay finds it again.
class WorkerNumbers {
 public:
  explicit WorkerNumbers(std::size_t channels) : channels_(channels) {}

  /// `route`: its route code, or "".
  [[nodiscard]] WorkerNumber take(std::string_view route) {
    WorkerNumber number = 0;
    const char* const end = route.data() + route.size();
    const auto [rest, failure] = std::from_chars(route.data(), end, number);
    const bool is_number = !route.empty() && failure == std::errc() && rest == end;
    if (channels_ == 1 && is_number && taken_.insert(number).second) return number;
    for (number = 0; !taken_.insert(number).second;) ++number;
    return number;
  }

 private:
  std::size_t channels_;
  std::set<WorkerNumber> taken_;
};

}  // namespace proxy
