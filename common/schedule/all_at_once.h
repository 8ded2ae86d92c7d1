#pragma once

#include <vector>

#include "dispatcher.h"

namespace subunit::schedule {

/// For one server that has no other to share with: it gets all that waits, in the order given, in
/// one message. So its suites, with what they set up for all of their tests, stay together.
class AllAtOnce : public Dispatcher {
 public:
  /// `expected`: of each test, as far as known.
  explicit AllAtOnce(std::vector<std::optional<Time>> expected);

  Worker add(Place place, Time now) override;
  void remove(Worker worker, Time now) override;
  void started(Worker, std::size_t, Time) override {}
  void finished(Worker worker, std::size_t test, Time now) override;
  void measured_round_trip(Worker, Time) override {}
  Batch next(Worker worker, Time now) override;
  [[nodiscard]] std::optional<Time> next_deadline() const override { return std::nullopt; }
  [[nodiscard]] bool done() const override { return unfinished_ == 0; }
  [[nodiscard]] std::size_t waiting() const override { return waiting_; }
  [[nodiscard]] std::optional<Time> time_left(Time now) const override;

 private:
  enum class State { kWaiting, kSent, kFinished };

  std::vector<std::optional<Time>> expected_;
  std::vector<State> states_;
  std::size_t waiting_;
  std::size_t unfinished_;
  std::size_t informed_ = 0;  // unfinished tests of known duration
  Time left_{0};              // of those
  Time latest_end_{0};
  Worker next_worker_ = 0;
};

}  // namespace subunit::schedule
