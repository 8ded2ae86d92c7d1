#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "../subunit/format.h"
#include "../subunit/packet.h"

namespace subunit::verdict {

/// The tests of one stream that have started and not ended, in the order of their start.
class OpenTests {
 public:
  using Ids = std::list<std::string>;

  /// More tests, or ids of more bytes in all, are not kept: no runner has so many at once.
  static constexpr std::size_t kMaxOpen = 100'000;
  static constexpr std::size_t kMaxBytes = 16 << 20;

  /// Takes note of a status packet: kInProgress opens a test, a final status closes it, the others
  /// say nothing about it. A test that is open already stays where it is.
  void record(std::string_view test_id, Status status);

  /// The one test in progress; nullptr if there is none, or more than one. Valid until the next
  /// record().
  [[nodiscard]] const std::string* only() const {
    return ids_.size() == 1 ? &ids_.front() : nullptr;
  }

  [[nodiscard]] const Ids& ids() const { return ids_; }
  [[nodiscard]] bool empty() const { return ids_.empty(); }

 private:
  Ids ids_;
  std::size_t bytes_ = 0;  // of ids_
  Ids spare_;  // the last one closed: its memory serves the next, so that no test costs any
  std::unordered_map<std::string_view, Ids::iterator> by_id_;  // keys are views into ids_
};

/// What was asked for and what was answered.
///
/// Every final status is one answer: a test that was expected twice and ended once is missing once,
/// and one that ended twice under one start was answered twice.
class Ledger {
 public:
  /// Views into the ledger, valid as long as it is.
  using Ids = std::vector<std::string_view>;

  /// Of tests that were answered and never expected, more, or ids of more bytes in all, are counted
  /// only: whoever answers can name as many as it likes.
  static constexpr std::size_t kMaxUnexpected = 100'000;
  static constexpr std::size_t kMaxUnexpectedBytes = 16 << 20;

  /// An answer for `test_id` is owed: once for each call.
  void expect(std::string_view test_id);

  /// A packet of results. Those without test id or status say nothing, and kExists is no result.
  void record(const Packet& packet);
  void record(std::string_view test_id, Status status);

  /// Everything expected was answered.
  [[nodiscard]] bool complete() const { return missing_ == 0; }
  /// Complete, nothing in progress, and no failure.
  [[nodiscard]] bool green() const { return complete() && open_.empty() && failures() == 0; }

  /// How many tests ended with `status`, which is a final one.
  [[nodiscard]] std::size_t count(Status status) const;
  [[nodiscard]] std::size_t failures() const;

  /// Tests that have started and not ended, in the order of their start.
  [[nodiscard]] const OpenTests::Ids& in_progress() const { return open_.ids(); }
  /// Expected and not answered, as often as an answer is owed, in the order expected.
  [[nodiscard]] Ids missing() const;
  /// Answered, never expected; each once, in the order in which they were answered first.
  [[nodiscard]] Ids unexpected() const;
  /// How many more answers to tests that were never expected there were, of whatever ids.
  [[nodiscard]] std::size_t forgotten() const { return forgotten_; }
  /// Answered more often than expected; each once, in the order expected.
  [[nodiscard]] Ids repeated() const;

 private:
  struct Account {
    std::size_t expected = 0;
    std::size_t answered = 0;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  using Accounts = std::unordered_map<std::string, Account, Hash, std::equal_to<>>;
  using Entry = Accounts::value_type;
  struct Expected {
    const Entry* entry;
    std::size_t times;  // how often it was expected up to here
  };

  Entry& entry_of(std::string_view test_id);

  Accounts accounts_;                // its entries never move
  std::vector<Expected> expected_;   // one for each expect()
  std::vector<const Entry*> found_;  // those that were answered before they were expected
  OpenTests open_;
  std::array<std::size_t, 8> counts_{};  // by status
  std::size_t missing_ = 0;              // answers owed
  std::size_t found_bytes_ = 0;          // of the ids in found_
  std::size_t forgotten_ = 0;
};

}  // namespace subunit::verdict
