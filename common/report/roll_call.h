#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "common/report/text_cells.h"
#include "common/run/observer.h"

namespace subunit::report {

/// What a person reads last: the tests that did not simply pass, a line each, and the slowest.
///
///     failed     a.test_one                worker-1   0.2 s
///     crashed    b.test_two                worker-0   1.3 s
///     timed out  b.test_three              worker-0  60.0 s
///     flaky      c.test_four               worker-1   0.1 s  attempt 3
///     not run    120 tests
///
///     slowest: 12.3 s b.test_five, 7.1 s b.test_six
class RollCall {
 public:
  /// More tests of one kind are counted and not named.
  static constexpr std::size_t kMaxNamed = 100;
  /// Ids are cut at this width.
  static constexpr std::size_t kMaxId = 80;
  static constexpr std::size_t kSlowest = 3;
  /// A test that takes less is not worth a word.
  static constexpr Time kWorthTelling = std::chrono::seconds(1);

  void attempted(const run::Attempt& attempt);
  /// A final status. `where`: on which server, as it is to be shown; "": on none. `took`: since it
  /// began, if that is known.
  void ended(const Packet& packet, std::string_view where, std::optional<Time> took);

  /// Whole lines; empty if there is nothing to tell.
  [[nodiscard]] std::string text(const TextCells& cells, const Style& style) const;

 private:
  enum class Kind { kFailed, kCrashed, kTimedOut, kFlaky, kNotRun };
  struct Entry {
    std::string id;
    std::string where;  // "": nowhere
    std::optional<Time> took;
    int attempts;
  };
  struct List {
    std::vector<Entry> named;
    std::size_t more = 0;
  };

  [[nodiscard]] std::optional<Kind> kind_of(const Packet& packet, bool tried) const;
  [[nodiscard]] std::string slowest_text(const TextCells& cells) const;

  std::map<Kind, List> lists_;
  std::map<std::string, int, std::less<>> attempts_;  // that have failed and were not the last
  std::vector<Entry> slowest_;                        // the slowest first
};

}  // namespace subunit::report
