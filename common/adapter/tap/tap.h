#pragma once

#include "common/adapter/adapter.h"

namespace subunit::adapter {

/// Scripts that write TAP (testanything.org, versions 12 to 14) or KTAP (of Linux), as they are: to
/// stdout, among other output, or to the FIFO whose path they find in SUBUNIT_TAP. Where something
/// comes through that, stdout is output only.
///
/// The id of a test is its description, or its number if it has none; of several with one
/// description each further one has " #2" and so on behind it. A test within a subtest has the
/// names of those around it before its own: "outer / inner". The tests around it have results, too.
///
/// Scripts say when a test has ended, not when it starts. So the next one of the list counts as
/// started when the one before it has ended.
///
/// A script that prints one id a line with --list is given the ids of those to run as arguments.
/// Any other script is run as a whole to list its tests, and again for each run.
class TapAdapter : public Adapter {
 public:
  [[nodiscard]] EventSource source() const override { return EventSource::kStdout; }
  [[nodiscard]] Invocation list(const Outlets& outlets) const override;
  [[nodiscard]] bool lists_otherwise() override;
  [[nodiscard]] bool lists_by_running() const override { return as_a_whole_; }
  /// It is that of all tests, and may be asked for some.
  [[nodiscard]] bool status_counts() const override { return false; }
  [[nodiscard]] Invocation run(std::span<const std::string> ids,
                               const Outlets& outlets) const override;
  [[nodiscard]] std::unique_ptr<ResultReader> reader(
      std::span<const std::string> ids) const override;

 protected:
  [[nodiscard]] Result<std::vector<ListedTest>> read_list(const Remains& remains) override;

 private:
  bool as_a_whole_ = false;  // the script knows no --list
};

}  // namespace subunit::adapter
