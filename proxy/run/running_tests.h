#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "proxy/run/incident.h"

namespace proxy {

struct RunningTest {
  std::string id;
  std::optional<WorkerNumber> worker;
  subunit::Time since;
};

/// The tests in progress of each server.
class RunningTests {
 public:
  using ByWorker = std::map<std::optional<WorkerNumber>, std::vector<RunningTest>>;

  /// More of one server are not kept: nobody could read them.
  static constexpr std::size_t kMaxPerWorker = 64;

  /// A test that is in progress there already stays as it is.
  void start(std::string_view id, std::optional<WorkerNumber> worker, subunit::Time now);
  /// `worker`: nothing if somebody else says how the test ended.
  void end(std::string_view id, std::optional<WorkerNumber> worker);
  /// The server is lost, and what it was doing with it.
  void lose(WorkerNumber worker) { by_worker_[worker].clear(); }

  /// When it began; nothing if it is not in progress.
  [[nodiscard]] std::optional<subunit::Time> since(std::string_view id) const;

  /// Every server that ever ran something, in order.
  [[nodiscard]] const ByWorker& by_worker() const { return by_worker_; }

 private:
  ByWorker by_worker_;
};

}  // namespace proxy
