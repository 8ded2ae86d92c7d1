#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "../base/bytes.h"
#include "../base/time.h"
#include "../subunit/decoder.h"
#include "../subunit/packet.h"

namespace subunit::schedule {

/// How long tests take, from the timestamps of earlier runs, and which of them failed last.
///
/// A duration is the time from a test's inprogress packet to its final status on the same route
/// code. Of several runs, of one after the other in a stream or of one test on several routes, the
/// one that ended last in the stream counts. What has no timestamp, ends before it starts, or takes
/// longer than kLongest, tells nothing and changes nothing.
class Durations {
 public:
  static constexpr Time kLongest = std::chrono::hours(24 * 7);
  /// More tests are not kept: more than the largest suites have.
  static constexpr std::size_t kMaxTests = 1 << 21;
  /// Tests that run at the same time; a start beyond that is not kept.
  static constexpr std::size_t kMaxOpen = 100'000;
  /// Of ids and route codes, all together, that are kept.
  static constexpr std::size_t kMaxBytes = 256 << 20;

  /// Takes all events that the decoder has; noise is skipped. Returns how many packets there were.
  std::size_t read(Decoder& decoder);
  void record(const Packet& packet);
  /// What was measured in another way.
  void set(std::string_view test_id, Time duration);

  /// Tests whose last final status is a failure, in the order of their ids.
  [[nodiscard]] const std::set<std::string, std::less<>>& failed() const { return failed_; }
  void set_failed(std::string_view test_id, bool failed);

  [[nodiscard]] std::optional<Time> of(std::string_view test_id) const;
  [[nodiscard]] std::size_t size() const { return known_.size(); }

 private:
  friend class DurationsWriter;
  using Known = std::map<std::string, Time, std::less<>>;
  using Start = std::pair<std::string, std::string>;  // route code, test id

  [[nodiscard]] static std::size_t size_of(const Start& start) {
    return start.first.size() + start.second.size();
  }
  void close(std::map<Start, Time>::iterator start);

  Known known_;
  std::set<std::string, std::less<>> failed_;
  std::map<Start, Time> open_;  // since 1970
  std::size_t bytes_ = 0;       // of the keys of both
};

/// All that `durations` knows as a subunit stream, in pieces: an inprogress packet and a final one,
/// success or fail, for each test, as far apart as it takes; a final one alone for a test that has
/// failed and of which the duration is not known. The same durations give the same bytes.
///
///     DurationsWriter writer(durations, start);
///     for (Buffer piece; writer.write(piece); piece.clear()) …
class DurationsWriter {
 public:
  /// A piece has at least this size, but for the last, and not much more.
  static constexpr std::size_t kPieceSize = 65536;

  /// Every test starts at `start`. `durations` stays as it is until the last piece was written.
  DurationsWriter(const Durations& durations, Timestamp start)
      : durations_(durations),
        start_(start),
        at_(durations.known_.begin()),
        failed_at_(durations.failed_.begin()) {}

  /// Appends the next piece to `out`; false, and nothing appended, after the last one.
  [[nodiscard]] bool write(Buffer& out);

 private:
  const Durations& durations_;
  Timestamp start_;
  Durations::Known::const_iterator at_;
  std::set<std::string, std::less<>>::const_iterator failed_at_;
};

}  // namespace subunit::schedule
