#pragma once

#include <algorithm>

#include "common/adapter/adapter.h"

namespace subunit::adapter {

/// Programs with GoogleTest (1.8.1 or newer), as they are.
///
/// They list their tests in an output file (--gtest_list_tests with --gtest_output=json:FILE), and
/// report their results while they run by the event stream (--gtest_stream_result_to). Neither
/// passes through stdout, where tests print.
///
/// The event stream has a gap: of a test that has not passed it does not say whether it has failed
/// or was skipped. The line that GoogleTest prints at once after the end of each test says so, and
/// the output file at the end of the program does. So such a test ends as the last line of this
/// kind before the next event says; the file has the last word: a test that was called skipped
/// and has failed is reported once more, as failed. Without such a line, for a program that has its
/// own printer, the test is in progress until the file tells, and has failed if there is none.
///
/// The id of a test is Suite.Name, as in a filter. DISABLED_ tests are not listed, and are skipped
/// if they are asked for.
class GtestAdapter : public Adapter {
 public:
  /// `command`: with what the program is started.
  explicit GtestAdapter(std::span<const std::string> command)
      : runs_disabled_(std::ranges::any_of(command, &GtestAdapter::asks_for_disabled)) {}

  /// "--gtest_also_run_disabled_tests", or the same with a value that says yes.
  [[nodiscard]] static bool asks_for_disabled(std::string_view word);

  [[nodiscard]] EventSource source() const override { return EventSource::kSocket; }
  [[nodiscard]] Invocation list(const Outlets& outlets) const override;
  [[nodiscard]] Invocation run(std::span<const std::string> ids,
                               const Outlets& outlets) const override;
  [[nodiscard]] std::unique_ptr<ResultReader> reader(
      std::span<const std::string> ids) const override;

 protected:
  [[nodiscard]] Result<std::vector<ListedTest>> read_list(const Remains& remains) override;

 private:
  bool runs_disabled_;
};

}  // namespace subunit::adapter
