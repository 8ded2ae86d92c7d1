#include "common/run/idle_watch.h"

#include <fmt/core.h>

#include <chrono>

namespace subunit::run {

namespace {

// Servers that are started together come one after the other.
constexpr Time kWarnAfter = std::chrono::seconds(1);

}  // namespace

IdleWatch::Finding IdleWatch::look(bool busy, const std::set<WorkerNumber>& present,
                                   std::size_t waiting, Time now) {
  if (busy) {
    since_.reset();
    return {};
  }
  if (!since_) since_ = now;
  const Time idle = now - *since_;
  const std::string timeout = in_seconds(options_.attach_timeout);
  if (idle >= options_.attach_timeout) {
    return {.warning = {},
            .problem = fmt::format(
                "{} tests wait for a test server that is not there, and has not come within {} "
                "(--attach-timeout){}",
                waiting, timeout,
                plan_.replays() ? ": --replay needs as many servers as the schedule names" : "")};
  }
  if (idle < kWarnAfter || warned_) return {};
  warned_ = true;
  return {.warning = fmt::format("{} tests wait for {}, not there yet: the run waits for {} "
                                 "(--attach-timeout), then it ends",
                                 waiting, awaited(present), timeout),
          .problem = {}};
}

std::string IdleWatch::awaited(const std::set<WorkerNumber>& present) const {
  std::string names;
  for (const WorkerNumber number : plan_.replayed_workers())
    if (!present.contains(number))
      names += fmt::format("{}worker-{}", names.empty() ? "" : ", ", number);
  return names.empty() ? "a test server" : names;
}

}  // namespace subunit::run
