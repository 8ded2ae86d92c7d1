#include "common/run/running_tests.h"

#include <algorithm>

namespace subunit::run {

bool RunningTests::record(const Packet& packet, std::optional<WorkerNumber> worker, Time now) {
  if (!packet.test_id) return false;
  if (packet.status == Status::kInProgress) start(*packet.test_id, worker, now);
  return is_final(packet.status) && end(*packet.test_id, worker);
}

void RunningTests::start(std::string_view id, std::optional<WorkerNumber> worker, Time now) {
  Tests& tests = by_worker_[worker];
  if (tests.size() == kMaxPerWorker ||
      std::ranges::find(tests, id, &RunningTest::id) != tests.end())
    return;
  tests.push_back({.id = std::string(id), .worker = worker, .since = now});
}

bool RunningTests::end(std::string_view id, std::optional<WorkerNumber> worker) {
  const auto is_it = [id](const RunningTest& test) { return test.id == id; };
  if (worker) {
    const auto found = by_worker_.find(worker);
    return found != by_worker_.end() && std::erase_if(found->second, is_it) > 0;
  }
  bool ended = false;
  for (auto& [_, tests] : by_worker_) ended |= std::erase_if(tests, is_it) > 0;
  return ended;
}

void RunningTests::clear(WorkerNumber worker) {
  const auto found = by_worker_.find(worker);
  if (found != by_worker_.end()) found->second.clear();
}

std::span<RunningTest> RunningTests::of(WorkerNumber worker) {
  const auto found = by_worker_.find(worker);
  return found == by_worker_.end() ? std::span<RunningTest>() : std::span(found->second);
}

bool RunningTests::is_running(std::string_view id, WorkerNumber worker) const {
  const auto found = by_worker_.find(worker);
  return found != by_worker_.end() &&
         std::ranges::find(found->second, id, &RunningTest::id) != found->second.end();
}

void RunningTests::postpone(Time pause) {
  for (auto& [_, tests] : by_worker_)
    for (RunningTest& test : tests) test.since += pause;
}

void RunningTests::postpone(Time pause, WorkerNumber worker) {
  for (RunningTest& test : of(worker)) test.since += pause;
}

std::optional<Time> RunningTests::since(std::string_view id,
                                        std::optional<WorkerNumber> worker) const {
  for (const auto& [number, tests] : by_worker_) {
    if (worker && number != worker) continue;
    const auto found = std::ranges::find(tests, id, &RunningTest::id);
    if (found != tests.end()) return found->since;
  }
  return std::nullopt;
}

}  // namespace subunit::run
