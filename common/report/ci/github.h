#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/report/ci/failure.h"
#include "common/report/ci/source_place.h"
#include "common/report/ci/test_records.h"
#include "common/run/observer.h"

namespace subunit::report {

/// Lines for the log of a GitHub Actions step in which none is a workflow command: the runner obeys
/// lines that begin with "::", blanks aside, and what follows "##[" anywhere. The first character
/// of these is escaped as `\xNN`.
///
/// There is a command, stop-commands, that makes the runner obey none until a token comes. It is
/// not used: what comes on stdout and stderr is put in order anew by the runner, so the end could
/// overtake what it is to come after; and if we were killed, no later command of the step would
/// work.
[[nodiscard]] std::string without_commands(std::string_view lines);

/// A run for GitHub Actions: annotations of failures, and a summary of the step.
/// https://docs.github.com/actions/reference/workflow-commands-for-github-actions
class GithubReport : public run::Observer {
 public:
  /// Of errors in one step, GitHub shows no more.
  static constexpr std::size_t kMaxAnnotations = 10;
  /// A step with a longer summary has none.
  static constexpr std::size_t kMaxSummary = 1 << 20;

  /// `folder`: where we are, relative to the repository; "" at its top. `view` is the caller's, and
  /// lives longer.
  GithubReport(std::string folder, std::shared_ptr<const SourcePlaces> places,
               const run::View& view, Time start);

  void expect(std::size_t) override {}
  void packet(const Packet& packet, std::optional<run::WorkerNumber> worker, Time now) override;
  void happened(const run::Incident& incident, Time now) override;
  void attempted(const run::Attempt& attempt) override { records_.attempted(attempt); }
  void flush() override {}
  void finish(bool completed, Time now) override;

  // After finish().

  /// Workflow commands, a line each: errors of the run itself, of failures whose places are known,
  /// then of others. Failures with the same place and message, as of tests whose fixture has
  /// failed, are one. If there are more than GitHub shows, a last line tells how many.
  [[nodiscard]] std::string annotations() const;

  /// Markdown of at most `most` bytes: how many tests there were, a table of failures with their
  /// details folded, flaky tests, and the slowest ones. Failures that have no room are counted.
  /// What tests print is text there, and nothing else.
  [[nodiscard]] std::string summary(std::size_t most) const;

 private:
  struct Annotation {
    std::string id;     // of the first test
    std::string where;  // "file=…,line=…,", or nothing
    std::string message;
    std::size_t times;  // it is that of so many failures
  };
  struct Slow {
    Time took;
    std::string id;
  };

  void add_failure(const EndedTest& test);
  void annotate(std::string_view id, const Failure& failure,
                const std::optional<SourcePlace>& place);
  void add_flaky(const EndedTest& test);
  void add_slow(const EndedTest& test);
  [[nodiscard]] std::string head() const;
  [[nodiscard]] std::string tail() const;

  const std::string folder_;
  const std::shared_ptr<const SourcePlaces> places_;
  const run::View& view_;
  const Time start_;
  TestRecords records_;

  std::vector<Annotation> placed_;    // of failures whose places are known,
  std::vector<Annotation> unplaced_;  // and of others
  std::vector<std::string> rows_;     // of the table of failures
  std::size_t rows_size_ = 0;         // bytes
  std::size_t failures_ = 0;
  std::size_t runs_passed_ = 0;  // kRunTest, which is no test: the report says it otherwise
  std::size_t runs_failed_ = 0;
  std::vector<std::string> flaky_;  // rows, too
  std::size_t flaky_count_ = 0;
  std::vector<Slow> slowest_;  // the slowest one first
  std::string last_problem_;
  std::string problem_;  // why the run was not completed; "" if it was
  Time took_{};
};

}  // namespace subunit::report
