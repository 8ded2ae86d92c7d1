#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/adapter/adapter.h"
#include "common/adapter/gtest/gtest_output.h"
#include "common/adapter/lines.h"

namespace subunit::adapter {

/// Makes events of the event stream, the output and the output file of a program with GoogleTest;
/// see GtestAdapter for how these complete each other.
///
/// A failure outside of tests is reported under a name of its own if no failure of a test shows it:
/// where tests are left out since what is to be set up for them has failed, they fail with that.
class GtestReader : public ResultReader {
 public:
  explicit GtestReader(std::span<const std::string> ids)
      : not_started_(ids.begin(), ids.end()), asked_(not_started_) {}

  void receive(std::string_view bytes) override;
  void observe_stdout(std::string_view bytes) override;
  void end(const Remains& remains) override;

 private:
  /// A failure, or the reason of a skip.
  struct Part {
    std::string place;  // "FILE:LINE: "
    std::string message;
  };
  using Parts = std::vector<Part>;
  using Fields = std::map<std::string, std::string, std::less<>>;

  struct Ended {
    std::string id;
    Parts parts = {};
  };

  static std::string text_of(const Parts& parts);
  static std::string reason_of(const Parts& parts);
  void take(Fields fields);
  void take_part(const Fields& fields);
  void start(const std::string& name);
  void end_last_test();
  void end(const Ended& test, Status status);
  void fail(const std::string& id, std::string text);
  void print(std::string output);
  void end_undecided(const Remains& remains);
  void fail_fixtures();

  std::set<std::string, std::less<>> not_started_;
  const std::set<std::string, std::less<>> asked_;
  std::set<std::string, std::less<>> ended_;
  Lines lines_;
  bool has_events_ = false;
  GtestOutput output_;
  std::string suite_;
  std::optional<Ended> running_;
  std::optional<Ended> last_;     // has ended, and how is to be found out with the next event
  bool has_passed_ = false;       // last_
  bool is_left_out_ = false;      // running_ or last_
  std::vector<Ended> undecided_;  // have failed, or were skipped
  std::vector<Ended> called_skipped_;
  Parts suite_parts_;  // reported in the suite, outside of its tests
  Parts outside_;      // and outside of suites
  std::vector<std::pair<std::string, Parts>> failed_suites_;
  std::set<std::string, std::less<>> suites_with_failures_;  // of tests
  std::string environment_;  // which of its functions has reported something first
  bool has_suites_ = false;
  bool program_has_failed_ = false;
};

}  // namespace subunit::adapter
