#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../base/result.h"
#include "../base/time.h"
#include "dispatcher.h"

namespace subunit::schedule {

/// One message with tests, as it stands in a line of a schedule log:
///
///     {"at":1.234,"worker":2,"tests":["a.test_b","a.test_c"]}
///
/// Where a test runs more than once, it also says which of its runs this is: "site":1, "round":2.
struct ScheduleEntry {
  Time at;             ///< since the start of the run; in the log in seconds, to the microsecond
  std::size_t worker;  ///< the client's number of the server
  std::vector<std::string> tests;         ///< ids, in the order in which they were to run
  std::optional<std::size_t> site = {};   ///< where tests run at several
  std::optional<std::size_t> round = {};  ///< where they run again and again

  /// Other messages have the same tests: this is not what Replay can hand out.
  [[nodiscard]] bool is_one_of_several() const { return site || round.value_or(1) > 1; }

  bool operator==(const ScheduleEntry&) const = default;
};

/// The highest number of a worker in a log, and the most tests in a line of one.
inline constexpr std::size_t kMaxLoggedWorker = 1'000'000;
inline constexpr std::size_t kMaxLoggedTests = 1 << 21;

/// One line, with its end.
[[nodiscard]] std::string to_line(const ScheduleEntry& entry);

/// All lines of a log. Empty lines are skipped, and so are fields with other names. An Error names
/// the first line that is wrong, shows it, escaped and cut, and says what is expected.
[[nodiscard]] Result<std::vector<ScheduleEntry>> parse_schedule_log(std::string_view text);

/// Hands out what a schedule log says: to each slot the batches of the worker with that number, one
/// message each, in order. The next one goes out when the one before is at its last test, so that
/// the worker does not wait for the channel.
///
/// A test that stands in the log again, because a worker that had it left, goes to the first worker
/// that it names, and to the next one only if the first has lost it again. What is lost and stands
/// nowhere in the rest of the log goes to the next server in the same slot, first of all.
class Replay : public Dispatcher {
 public:
  /// Tests are indexes into `ids`. An Error if the log names one that is not among them; those that
  /// it does not name are not sent, and not needed for done(). `one_at_a_time`: the next batch goes
  /// out when the one before has ended.
  [[nodiscard]] static Result<std::unique_ptr<Replay>> create(const std::vector<ScheduleEntry>& log,
                                                              std::span<const std::string> ids,
                                                              bool one_at_a_time);

  /// Numbers of the workers in the log, ascending: a slot for each of these is needed.
  [[nodiscard]] std::vector<std::size_t> slots() const;

  Worker add(Place place, Time now) override;
  void remove(Worker worker, Time now) override;
  void started(Worker, std::size_t, Time) override {}
  void finished(Worker worker, std::size_t test, Time now) override;
  void measured_round_trip(Worker, Time) override {}
  Batch next(Worker worker, Time now) override;
  [[nodiscard]] std::optional<Time> next_deadline() const override { return std::nullopt; }
  [[nodiscard]] bool done() const override { return unfinished_ == 0; }
  [[nodiscard]] std::size_t waiting() const override { return waiting_; }
  [[nodiscard]] std::optional<Time> time_left(Time) const override { return std::nullopt; }

 private:
  enum class State : std::uint8_t { kUnnamed, kWaiting, kSent, kFinished };
  using Line = std::uint32_t;  // of the log: its place among them

  struct Test {
    State state = State::kUnnamed;
    Worker worker = 0;             // if sent
    std::vector<Line> lines = {};  // those to come that name it, ascending
  };
  struct Entry {
    std::optional<Line> line;  // nothing: what a worker has lost
    Batch tests;
  };
  struct Server {
    std::size_t slot;
    Batch had = {};
    std::size_t unfinished = 0;
  };

  [[nodiscard]] Batch take(const Entry& entry);

  Replay() = default;

  bool one_at_a_time_ = false;
  std::vector<Test> tests_;
  std::map<std::size_t, std::deque<Entry>> to_come_;  // by slot
  std::map<Worker, Server> servers_;
  Worker next_worker_ = 0;
  std::size_t unfinished_ = 0;
  std::size_t waiting_ = 0;
};

}  // namespace subunit::schedule
