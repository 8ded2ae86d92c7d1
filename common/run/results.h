#pragma once

#include <functional>
#include <map>
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
  /// Those of a test that runs at several sites get the tag channel-K: the sites are channels.
  void set_channels_tagged(bool tagged) { channels_tagged_ = tagged; }
  /// From now on, they get the tag round-N.
  void set_round(int number) { round_ = number; }
  /// The caller's, and lives longer.
  void add_observer(Observer& observer) { observers_.push_back(&observer); }
  void set_wall_clock(Timestamp wall, Time now) { wall_clock_.set(wall, now); }

  [[nodiscard]] const verdict::Ledger& ledger() const { return ledger_; }
  [[nodiscard]] const Tally& tally() const { return tally_; }
  [[nodiscard]] RunningTests& running() { return running_; }
  [[nodiscard]] const RunningTests& running() const { return running_; }
  /// The worker that has begun this test at one of several sites, where it has not ended; also if
  /// that worker is gone.
  [[nodiscard]] std::optional<WorkerNumber> running_at(std::size_t site,
                                                       std::string_view test_id) const;

  /// These tests are going to run, each as often as it stands there.
  void expect(const std::vector<std::string>& ids);

  /// How a packet is to look.
  struct Shape {
    /// What the server itself gave it, if it did.
    std::optional<std::string_view> route = std::nullopt;
    /// Where its test runs at several. It comes first in the route code, so that readers keep tests
    /// with the same id apart.
    std::optional<std::size_t> site = std::nullopt;
    std::string_view tag = {};  ///< one more, or ""
    int attempt = 1;  ///< of a further one, "attempt-N/" stands before its attachment's name
    bool without_status = false;  ///< the attempt has failed and is not the last one
  };
  /// A packet from `worker`, or from no server. Its views have to last until flush().
  void add(const Packet& packet, std::optional<WorkerNumber> worker, const Shape& shape, Time now);

  /// What ends a test on behalf of its server.
  struct End {
    std::string_view test_id;
    std::string_view reason;  ///< the text of its attachment
    Status status = Status::kFail;
    std::string_view tag = {};  ///< "": none
    int attempt = 1;            ///< as in Shape
    bool without_status = false;
    std::optional<std::size_t> site = std::nullopt;  ///< as in Shape
  };
  void end(const End& end, std::optional<WorkerNumber> worker, Time now);
  void attach(std::string_view test_id, std::string_view name, std::string_view text,
              std::optional<WorkerNumber> worker, Time now);
  void attempted(const Attempt& attempt);

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

  void pass_on(const Packet& packet, std::optional<WorkerNumber> worker,
               std::optional<std::size_t> site, Time now);
  void pass_on_written(std::size_t start, std::optional<WorkerNumber> worker,
                       std::optional<std::size_t> site, Time now);
  void record_at(std::size_t site, const Packet& packet, std::optional<WorkerNumber> worker);
  void make_room(std::size_t size);
  void count(std::string_view tag);
  [[nodiscard]] bool rewrite(const Packet& packet, const Shape& shape);
  void add_tags(std::optional<WorkerNumber> worker, std::optional<std::size_t> site,
                std::string_view tag);

  verdict::Ledger ledger_;
  RunningTests running_;
  // Tests that have begun and not ended, where they run at several sites.
  std::map<std::size_t, std::map<std::string, WorkerNumber, std::less<>>> running_at_;
  Tally tally_;
  std::vector<Observer*> observers_;
  WallClock wall_clock_;
  bool tagged_ = false;
  bool channels_tagged_ = false;
  int round_ = 0;  // 0: none
  // Of the packet at hand; kept for what they have allocated.
  std::vector<std::string> added_tags_;
  std::vector<std::string_view> all_tags_;
  Buffer rewritten_;
};

}  // namespace subunit::run
