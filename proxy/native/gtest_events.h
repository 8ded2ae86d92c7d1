#pragma once

#include <gtest/gtest.h>

#include <string>
#include <unordered_map>
#include <utility>

#include "proxy/native/reporter.h"

namespace proxy::native {

/// The results of one Run, as GoogleTest tells them.
///
/// GoogleTest marks the tests of a suite or environment that could not be set up as skipped, with
/// no reason, and its program fails. Here these tests fail, with the failure of what was not set
/// up.
class GtestEvents final : public testing::EmptyTestEventListener {
 public:
  /// `count`: how many of the tests to be run have this id.
  GtestEvents(Reporter& reporter, std::unordered_map<std::string, int> count)
      : reporter_(reporter), left_(std::move(count)) {}

  /// Ends the tests that GoogleTest has not run: those of an environment that was skipped.
  void end_left();

  void OnEnvironmentsSetUpStart(const testing::UnitTest&) override;
  void OnEnvironmentsSetUpEnd(const testing::UnitTest&) override;
  void OnTestSuiteStart(const testing::TestSuite& suite) override;
  void OnTestStart(const testing::TestInfo& test) override;
  void OnTestPartResult(const testing::TestPartResult& part) override;
  void OnTestEnd(const testing::TestInfo& test) override;
  void OnTestSuiteEnd(const testing::TestSuite& suite) override;
  void OnEnvironmentsTearDownStart(const testing::UnitTest&) override;
  void OnEnvironmentsTearDownEnd(const testing::UnitTest&) override;

 private:
  void enter(const std::string& fixture, const std::string& blamed = "");
  void fail_fixture(const std::string& fixture);
  [[nodiscard]] subunit::Status outcome(const testing::TestResult& result);
  void attach_details(const testing::TestInfo& test);

  Reporter& reporter_;
  std::unordered_map<std::string, int> left_;               // ends to come, by id
  std::unordered_map<std::string, subunit::Status> worst_;  // of ids with several tests
  std::string current_;                                     // the id of the test in progress
  bool leaves_out_ = false;  // this test is not to run: the Run was stopped
  std::string reason_;       // of the skip, in this test
  std::string environment_failure_;
  std::string environment_skip_;
  std::string fixture_failure_;  // of the fixture at work
  std::string suite_failure_;    // in SetUpTestSuite()
  bool suite_is_set_up_ = false;
};

[[nodiscard]] std::string gtest_id(const testing::TestInfo& test);

}  // namespace proxy::native
