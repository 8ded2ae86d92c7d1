#include "proxy/run/running_tests.h"

#include <algorithm>

namespace proxy {

void RunningTests::start(std::string_view id, std::optional<WorkerNumber> worker,
                         subunit::Time now) {
  std::vector<RunningTest>& tests = by_worker_[worker];
  if (tests.size() == kMaxPerWorker ||
      std::ranges::find(tests, id, &RunningTest::id) != tests.end())
    return;
  tests.push_back({.id = std::string(id), .worker = worker, .since = now});
}

void RunningTests::end(std::string_view id, std::optional<WorkerNumber> worker) {
  const auto is_it = [id](const RunningTest& test) { return test.id == id; };
  if (worker) {
    std::erase_if(by_worker_[worker], is_it);
  } else {
    for (auto& [_, tests] : by_worker_) std::erase_if(tests, is_it);
  }
}

std::optional<subunit::Time> RunningTests::since(std::string_view id) const {
  for (const auto& [_, tests] : by_worker_) {
    const auto found = std::ranges::find(tests, id, &RunningTest::id);
    if (found != tests.end()) return found->since;
  }
  return std::nullopt;
}

}  // namespace proxy
