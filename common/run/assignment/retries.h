#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/run/running_tests.h"
#include "common/subunit/packet.h"

namespace subunit::run {

/// Tests that have failed and run again (--retries), and where they do.
///
/// What one wants to know of a test that failed once is whether it always fails, or only on that
/// machine, or only after what its server had run before it. To run it again at once in the same
/// server, the obvious way, tells neither. So the second attempt is made on another server, if
/// there is one; every further one, and the second where there is only one server, is made in a
/// server that was started for it, where that can be done. And it is made when a server has nothing
/// else to do: a test that always fails does not cost the others time.
class Retries {
 public:
  /// How many times a test that has failed runs again.
  explicit Retries(int allowed) : allowed_(allowed) {}

  /// Every test is as one that never ran. None waits.
  void forget() { records_.clear(); }

  /// The number of the attempt that is to come, or runs, or was the last one; 1 of a test that has
  /// not failed.
  [[nodiscard]] int attempt(std::string_view id) const;
  /// A failure now would not be the last one.
  [[nodiscard]] bool allows_another(std::string_view id) const { return attempt(id) <= allowed_; }

  /// An attempt has failed: the test waits for another one.
  void failed(std::string_view id, WorkerNumber worker, std::string_view how);
  /// It waits, and no server has it.
  [[nodiscard]] bool waits(std::string_view id) const;
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

  struct Choice {
    std::string id;
    bool fresh;  ///< the server should be one that has run nothing
  };
  /// Where tests can run.
  struct Places {
    std::set<WorkerNumber> present;  ///< the workers that take tests, or will
    bool more_come = false;          ///< of which nothing is known yet
  };
  /// What a server that has nothing else to do should run. `is_possible`: whether it may run the
  /// test now, beside what others run.
  using IsPossible = std::function<bool(std::string_view id)>;
  [[nodiscard]] std::optional<Choice> choose(WorkerNumber worker, const Places& places,
                                             const IsPossible& is_possible) const;
  /// The server gets it. `fresh`: it has run nothing before.
  void begin(std::string_view id, bool fresh);
  /// It did not come to run it.
  void put_back(std::string_view id);

  /// The last attempt of a test has ended at `worker`. What became of all of them, a line each, and
  /// what that tells; for people.
  [[nodiscard]] std::string story(std::string_view id, WorkerNumber worker, std::string_view how,
                                  bool passed) const;

  struct Waiting {
    std::string id;
    std::string how;  ///< the last attempt has failed, and where: "timed out on worker-1"
  };
  /// Tests that wait: they do not run again.
  [[nodiscard]] std::vector<Waiting> take_waiting();

 private:
  /// Where choose() looks for one that suits.
  static constexpr std::size_t kMaxLook = 64;

  struct Past {
    WorkerNumber worker;
    std::string how;
    bool fresh;
  };
  struct Record {
    std::vector<Past> past;
    bool fresh = false;  // of the attempt that runs
    bool waits = false;
  };

  [[nodiscard]] static bool was_at(const Record& record, WorkerNumber worker);

  int allowed_;
  std::map<std::string, Record, std::less<>> records_;  // of tests that have failed
  std::deque<std::string> waiting_;
};

}  // namespace subunit::run
