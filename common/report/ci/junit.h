#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "common/report/ci/failure.h"
#include "common/report/ci/source_place.h"
#include "common/report/ci/test_records.h"
#include "common/report/report.h"

namespace subunit::report {

/// A run as JUnit XML, in the form that Maven's Surefire writes and Jenkins' xUnit plugin has a
/// schema for (junit-10.xsd); GitLab and others read it, too.
///
/// There is one `testsuite` for each server, since `hostname`, which tells where a test ran, is an
/// attribute of a suite. All have one name, and the number of the worker as `id`. A server says
/// nothing of a test to those who read such files: they file tests by `classname` and `name`, as
/// split_id() makes them from the id. What belongs to no server has a suite of its own; where each
/// channel has all tests, one for each channel.
///
/// | of the run                        | in the file                                             |
/// | --------------------------------- | ------------------------------------------------------- |
/// | a failed assertion                | `failure`: see failure_of()                             |
/// | any other failure, as of a        | `error`, with `type` "crashed", "timed-out", "not-run", |
/// | fixture, or a crash               | or the name of the exception                            |
/// | an unexpected success             | `failure`                                               |
/// | a test that was skipped, or had   | `skipped`, which is what other tools make of these      |
/// | the failure that was expected     | with the reason as text                                 |
/// | attempts before a passed one      | `flakyFailure`, `flakyError`                            |
/// | attempts after a failed one, and  | `rerunFailure`, `rerunError`; the first attempt is the  |
/// | failed, too                       | `failure` or `error`                                    |
/// | what a test printed               | its `system-out` and `system-err`                       |
/// | what is printed outside of tests, | those of the suite                                      |
/// | and what is said about a server   |                                                         |
///
/// A run that was not completed has kRunTest as an `error`, even if it could not begin.
///
/// The text is bounded: of each test as TestRecords keeps it, of one that has passed less, and of
/// all of them together. Where something is left out, the text says how much. GitLab takes no file
/// above 30 MB.
class JunitReport : public Report {
 public:
  static constexpr std::size_t kMaxPassedText = 16 << 10;    // of one test, each of its streams
  static constexpr std::size_t kMaxTextOfPassed = 6 << 20;   // of all of them, as XML
  static constexpr std::size_t kMaxTextOfFailed = 16 << 20;  // likewise
  static constexpr std::size_t kMaxSuiteText = 256 << 10;    // of one suite, likewise
  static constexpr std::size_t kMaxSize = 256 << 20;         // further tests are only counted

  struct Options {
    std::string name;   ///< of the run; also the class of tests whose ids tell none
    Timestamp start{};  ///< what the wall clock says at the start
    /// For `file` and `line` of failed tests, which GitLab reads and the schema does not know; null
    /// for a file that the schema accepts.
    std::shared_ptr<const SourcePlaces> places = nullptr;
  };

  /// `view` is the caller's, and lives longer.
  JunitReport(Options options, const run::View& view, Time start);

  void expect(std::size_t) override {}
  void packet(const Packet& packet, std::optional<run::WorkerNumber> worker, Time now) override;
  void happened(const run::Incident& incident, Time now) override;
  void attempted(const run::Attempt& attempt) override { records_.attempted(attempt); }
  void flush() override {}
  void finish(bool completed, Time now) override;

  [[nodiscard]] std::string_view pending_output() override;
  void consume_output() override;

 private:
  struct Counts {
    std::size_t tests = 0;
    std::size_t failures = 0;
    std::size_t errors = 0;
    std::size_t skipped = 0;
  };
  struct Suite {
    Counts counts;
    std::optional<Time> begin;
    Time end{};
    std::string cases;
    std::string incidents;
    std::size_t left_out = 0;  // tests
  };
  /// Where tests ran, or would have.
  struct Place {
    std::optional<run::WorkerNumber> worker = {};
    std::optional<std::size_t> channel = {};  // where each has all tests, of what has no worker

    bool operator<(const Place& other) const {
      return std::tie(worker, channel) < std::tie(other.worker, other.channel);
    }
  };

  void add(const EndedTest& test, Suite& suite);
  void add_unfinished_run(Time now);
  [[nodiscard]] std::string case_head(const EndedTest& test, const Failure* failure) const;
  [[nodiscard]] std::string case_body(const EndedTest& test, const std::vector<Failure>& failures,
                                      bool has_text) const;
  [[nodiscard]] Place place_of(const EndedTest& test, const Packet& packet) const;
  [[nodiscard]] std::string suite_head(const Place& place, const Suite& suite) const;
  [[nodiscard]] std::string suite_tail(const Place& place, const Suite& suite) const;
  [[nodiscard]] std::string root_head(Time now) const;

  const Options options_;
  const run::View& view_;
  const Time start_;
  TestRecords records_;
  std::map<Place, Suite> suites_;
  std::string last_problem_;
  std::size_t size_ = 0;  // of all cases
  std::size_t text_of_passed_ = 0;
  std::size_t text_of_failed_ = 0;

  std::vector<std::string> output_;  // in the reverse order
};

}  // namespace subunit::report
