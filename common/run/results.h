#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/run/observer.h"
#include "common/subunit/encoder.h"
#include "common/verdict/ledger.h"

namespace subunit::run {

/// The time of day, from the clock of the run: what it was at one moment says what it is at others.
class WallClock {
 public:
  /// Told again every now and then, so that the two do not drift apart.
  void set(Timestamp wall, Time now);
  [[nodiscard]] Timestamp at(Time now) const;

 private:
  Time ahead_{};  // of the clock of the run
};

/// What a run has to say: takes packets from servers and verdicts of our own, keeps the books, and
/// hands all of it to the observers.
class Results {
 public:
  /// `tagged`: statuses get the tag worker-K of the worker that they come from.
  void set_tagged(bool tagged) { tagged_ = tagged; }
  /// The caller's, and lives longer.
  void add_observer(Observer& observer) { observers_.push_back(&observer); }
  void set_wall_clock(Timestamp wall, Time now) { wall_clock_.set(wall, now); }

  [[nodiscard]] const verdict::Ledger& ledger() const { return ledger_; }
  [[nodiscard]] RunningTests& running() { return running_; }
  [[nodiscard]] const RunningTests& running() const { return running_; }

  /// These tests are going to run, each as often as it stands there.
  void expect(const std::vector<std::string>& ids);

  /// A packet from `worker`, or from no server. `route`: the route code that it is to have, which
  /// is what the server itself gave it. Its views have to last until flush().
  void add(const Packet& packet, std::optional<WorkerNumber> worker,
           std::optional<std::string_view> route, Time now);

  /// Ends a test on behalf of its server, as failed or with another final `status`, with `reason`
  /// as attachment.
  void end(std::string_view test_id, std::string_view reason, std::optional<WorkerNumber> worker,
           Time now, Status status = Status::kFail);

  /// Whole packets without route code, which belong to no server.
  void add_noise(Bytes packets, Time now);

  void happened(const Incident& incident, Time now);

  /// Everything that arrived together has been added.
  void flush();

  /// Nothing more will come.
  void finish(bool completed, Time now);

 private:
  // Packets that had to be written anew lie here until the observers have taken them.
  static constexpr std::size_t kRewrittenSize = 256 << 10;

  void pass_on(const Packet& packet, std::optional<WorkerNumber> worker, Time now);
  void make_room(std::size_t size);
  [[nodiscard]] bool rewrite(const Packet& packet, std::optional<WorkerNumber> tag,
                             std::optional<std::string_view> route);

  verdict::Ledger ledger_;
  RunningTests running_;
  std::vector<Observer*> observers_;
  WallClock wall_clock_;
  bool tagged_ = false;
  Buffer rewritten_;
};

}  // namespace subunit::run
