#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "common/subunit/packet.h"

namespace subunit::run {

/// The number of a worker within a run: K of the tag worker-K.
using WorkerNumber = std::size_t;

struct RunningTest {
  std::string id;
  std::optional<WorkerNumber> worker;  ///< nothing: no server of ours runs it
  Time since;
  bool called_slow = false;  ///< it was said that it takes long
};

/// "Test X has been running on worker W since T": the one place of a run where that is kept.
/// Time-outs are counted from here, the tests that a lost server takes with it are found here, and
/// the status line is drawn from it.
class RunningTests {
 public:
  using Tests = std::vector<RunningTest>;  ///< in the order of their start
  using ByWorker = std::map<std::optional<WorkerNumber>, Tests>;

  /// More tests of one worker are not kept: no server has so many in progress.
  static constexpr std::size_t kMaxPerWorker = 1000;

  /// Takes note of a packet of results. A test that is in progress there already stays as it is; an
  /// end that comes from no worker is that of the test wherever it runs. True if the packet has
  /// ended a test that was in progress.
  bool record(const Packet& packet, std::optional<WorkerNumber> worker, Time now);

  void start(std::string_view id, std::optional<WorkerNumber> worker, Time now);
  bool end(std::string_view id, std::optional<WorkerNumber> worker);
  /// The server is gone, or has answered that it is done.
  void clear(WorkerNumber worker);

  /// `pause` does not count: nobody was looking. With `worker`: at this one.
  void postpone(Time pause);
  void postpone(Time pause, WorkerNumber worker);

  /// Of one worker. Valid until the next change.
  [[nodiscard]] std::span<RunningTest> of(WorkerNumber worker);
  [[nodiscard]] bool is_running(std::string_view id, WorkerNumber worker) const;
  /// When it began there, or without `worker` anywhere; nothing if it is not in progress.
  [[nodiscard]] std::optional<Time> since(std::string_view id,
                                          std::optional<WorkerNumber> worker) const;
  /// Every worker that ever ran something, in order.
  [[nodiscard]] const ByWorker& by_worker() const { return by_worker_; }

 private:
  ByWorker by_worker_;
};

}  // namespace subunit::run
