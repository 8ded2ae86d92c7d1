#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/report/attachments.h"
#include "common/report/by_test.h"
#include "common/report/ci/failure.h"
#include "common/run/observer.h"

namespace subunit::report {

/// A test that has ended, with all that is to be known of it.
struct EndedTest {
  /// One run of it; the last one has its final status.
  struct Attempt {
    Status status;
    std::string why;  ///< what a tag says of its failure: kCrashedTag, kTimedOutTag, kNotRunTag
    Texts files;      ///< under their own names
    std::optional<Time> took;
    std::optional<run::WorkerNumber> worker = {};
    std::optional<Time> began = {};  ///< on the clock of the run
  };

  std::string_view id;
  std::vector<Attempt> attempts;  ///< in order; more than one if it was run again
  std::optional<run::WorkerNumber> worker;
  std::optional<Time>
      began;  ///< its last attempt, on the clock of the run; nothing: it never began

  [[nodiscard]] const Attempt& last() const { return attempts.back(); }
  [[nodiscard]] Status status() const { return last().status; }
  /// It was run again, and has not failed then.
  [[nodiscard]] bool is_flaky() const { return attempts.size() > 1 && !is_failure(status()); }
};

/// Collects what comes of each test until it ends, for reports that show whole tests. What is kept
/// is bounded: of each file the beginning and the end, and of all tests in progress kMaxOpenBytes.
class TestRecords {
 public:
  static constexpr std::size_t kMaxOpenBytes = 64 << 20;
  static constexpr std::size_t kMaxAttempts = 100;  // of a test; of further ones only the last

  /// `view` is the caller's, and lives longer.
  explicit TestRecords(const run::View& view) : view_(view) {}

  /// To be told what an observer is told. Returns the test that the packet has ended, or null: it
  /// is valid until the next call, and as long as the packet.
  ///
  /// How long a test took is what the packets' timestamps say, which are of the clock of the
  /// machine where it ran; where there are none, or somebody else has ended it, what our clock
  /// says.
  [[nodiscard]] const EndedTest* packet(const Packet& packet,
                                        std::optional<run::WorkerNumber> worker, Time now);
  void attempted(const run::Attempt& attempt);

  /// What belongs to no test, by the server that it comes from.
  using Outside = std::map<std::optional<run::WorkerNumber>, Attachments>;
  [[nodiscard]] const Outside& outside() const { return outside_; }

 private:
  struct Record {
    Attachments attachments;
    std::vector<EndedTest::Attempt> attempts;  // those that are not the last, without their files
    std::optional<run::WorkerNumber> worker;
    std::optional<Time> began;
    std::optional<Timestamp> began_there;
  };

  Record* record_of(std::string_view test_id, std::size_t site);
  void attach(Attachments& attachments, const Packet& packet);
  void end(const Packet& packet, std::optional<run::WorkerNumber> worker, Time now);

  const run::View& view_;
  ByTest<Record> open_;
  Outside outside_;
  std::size_t kept_ = 0;  // bytes, in both
  EndedTest ended_;       // kept for what it has allocated: there are a hundred thousand of them
};

}  // namespace subunit::report
