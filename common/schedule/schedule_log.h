#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "../base/result.h"
#include "../base/time.h"

namespace subunit::schedule {

/// One message with tests, as it stands in a line of a schedule log:
///
///     {"at":1.234,"worker":2,"tests":["a.test_b","a.test_c"]}
struct ScheduleEntry {
  Time at;             ///< since the start of the run; in the log in seconds, to the microsecond
  std::size_t worker;  ///< the client's number of the server
  std::vector<std::string> tests;  ///< ids, in the order in which they were to run

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

}  // namespace subunit::schedule
