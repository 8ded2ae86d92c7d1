#pragma once

#include <optional>
#include <string>

#include "common/base/time.h"
#include "common/report/text_cells.h"
#include "common/run/running_tests.h"

namespace subunit::report {

/// How far a run is.
struct Progress {
  std::size_t ended = 0;
  std::size_t expected = 0;  ///< 0: not known yet
  std::size_t failed = 0;
  Time now{};      ///< on the clock of `running`
  Time elapsed{};  ///< since the run began
  std::optional<Time> left = std::nullopt;
  bool being_set_up = false;   ///< nothing can have come yet
  bool may_be_asking = false;  ///< somebody else may be asking for a password there
};

/// One line without line feed, at most `columns` wide, of as many of these as there is room for:
///
///     12/2625, 1 failed, 0:05, 1:40 left  #0 …a.test_that_is_slow 12 s  #1 …b.test_short +2
///
/// how many tests have ended, of how many; how many failed; the time that has passed; what is left
/// of it; the tests in progress by server, from ten seconds on with the time that each has taken,
/// and how many more there are. Where not all of these have room, those that have taken longest
/// are named. Below the width of "12/2625" there is a percentage. Before anything is known:
/// "waiting" or "setup", and for how long. Nothing at all while somebody else may be asking for a
/// password.
[[nodiscard]] std::string status_line(const Progress& progress, const run::RunningTests& running,
                                      std::size_t columns, const TextCells& cells,
                                      const Style& style);

}  // namespace subunit::report
