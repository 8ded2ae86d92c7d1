#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/report/ci/test_records.h"
#include "common/report/report.h"
#include "common/schedule/durations.h"

namespace subunit::report {

/// A run as one HTML file, which opens in a browser without anything else: failures first, search,
/// filters, and when each server ran what.
///
/// The file is the page (page.html, page.css, page.js) and JSON, which the page's script shows. A
/// browser takes 100,000 tests as JSON in a fraction of a second, as elements in many.
///
/// A test must not be able to act on the page, and three things keep it from that, each enough by
/// itself: in the file there is no `<` in the data (json_text.h); the script makes text of it,
/// never HTML; and the page's policy (Content-Security-Policy) lets no other script run than this
/// one, and nothing be loaded.
///
/// The data, as elements of the type application/json. `run` is an object:
///
/// | key        | value                                                                          |
/// | ---------- | ------------------------------------------------------------------------------ |
/// | name       | of the run, for its title                                                      |
/// | completed  | false: something that was asked for was not done                               |
/// | problem    | why, or ""                                                                     |
/// | failed     | true: a test has failed                                                        |
/// | start      | in ms since 1970                                                               |
/// | took       | ms                                                                             |
/// | again      | a shell command that repeats a test: what stands before its id, and after it   |
/// | history    | true: what is new is known                                                     |
/// | workers    | [number, channel] each                                                         |
/// | channels   | their commands, by number, if each test runs on each of them: a row has the tag |
/// |            | channel-K of its own; else empty                                               |
/// | tags       | names                                                                          |
/// | incidents  | [ms since the start, number of the worker or null, text] each                  |
/// | more_incidents | of which there is no more than that number                                 |
/// | outside    | what was printed outside of tests: [number or null, [file…]] each              |
/// | left_out   | tests that have no row, since the page is too long                             |
/// | tests      | a row each, in the order in which they ended                                   |
///
/// A row: id, Outcome, number of the worker or null, began (ms since the start, or null), took (ms,
/// or null), why (a line, or 0), tags (places in `tags`, or 0), 1 if the outcome is new, where its
/// texts are (number of the element; null: there are none; -1: they are left out), and attempts
/// before the last one: [Outcome, worker, began, took] each.
///
/// The elements `texts-N` have objects: by the number of the row, for each attempt its files. A
/// file is [name, text], or [name, text, 0] if what is attached is no text, and this tells what it
/// is.
///
/// What is kept is bounded: of each test as TestRecords keeps it, of those that passed less than a
/// kilobyte on average, and all in all.
class HtmlReport : public Report {
 public:
  static constexpr std::size_t kTextOfPassed = 600;        // for each of them on average, as JSON
  static constexpr std::size_t kFreeText = 1 << 20;        // that much of them in any case
  static constexpr std::size_t kMaxPassedText = 16 << 10;  // of one
  static constexpr std::size_t kMaxTextOfFailed = 32 << 20;
  static constexpr std::size_t kMaxRows = 256 << 20;  // bytes; further tests are only counted
  static constexpr std::size_t kMaxIncidents = 1000;

  /// As people see it, not as the protocol has it.
  enum class Outcome {
    kPassed,
    kFailed,
    kCrashed,
    kTimedOut,
    kUnexpectedSuccess,
    kFlaky,
    kNotRun,
    kSkipped,
    kExpectedFailure,
  };

  struct Options {
    std::string name;           ///< of the run
    Timestamp start{};          ///< what the wall clock says at the start
    std::string again_before;   ///< the command that repeats a test, before its id; "": none
    std::string again_after{};  ///< and behind it
    /// As it was before the run; null if there is none. A failure is new if the test did not fail
    /// then; anything else is if the test is not in it.
    std::shared_ptr<const schedule::Durations> history = nullptr;
  };

  /// `view` is the caller's, and lives longer.
  HtmlReport(Options options, const run::View& view, Time start);

  void expect(std::size_t) override {}
  void packet(const Packet& packet, std::optional<run::WorkerNumber> worker, Time now) override;
  void happened(const run::Incident& incident, Time now) override;
  void attempted(const run::Attempt& attempt) override { records_.attempted(attempt); }
  void flush() override {}
  void finish(bool completed, Time now) override;

  [[nodiscard]] std::string_view pending_output() override;
  void consume_output() override;

 private:
  void add(const EndedTest& test, const Packet& packet);
  void append_row(std::string& rows, const EndedTest& test, const Packet& packet);
  void append_attempts(std::string& rows, const EndedTest& test);
  void append_tags(std::string& rows, const Packet& packet);
  [[nodiscard]] bool is_new(const EndedTest& test) const;
  [[nodiscard]] std::string place_of_texts(const EndedTest& test);
  [[nodiscard]] bool has_room(const EndedTest& test, std::size_t size);
  void see(std::optional<run::WorkerNumber> worker);
  [[nodiscard]] std::string head_of_run(bool completed, Time now) const;
  void append_outside(std::string& json) const;

  const Options options_;
  const run::View& view_;
  const Time start_;
  TestRecords records_;

  // Pieces of about a size: one that grew to megabytes would be copied again and again.
  std::vector<std::string> rows_;
  std::size_t size_of_rows_ = 0;
  std::size_t row_count_ = 0;
  std::size_t left_out_ = 0;        // tests
  std::vector<std::string> texts_;  // each an element
  std::size_t passed_ = 0;
  std::size_t text_of_passed_ = 0;
  std::size_t text_of_failed_ = 0;
  std::map<std::string, std::size_t, std::less<>> tags_;  // with their places
  std::map<run::WorkerNumber, std::string> workers_;      // with their channels
  std::string incidents_;
  std::size_t incident_count_ = 0;

  std::vector<std::string> output_;  // in the reverse order
};

}  // namespace subunit::report
