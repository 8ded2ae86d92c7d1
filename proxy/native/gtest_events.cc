#include "proxy/native/gtest_events.h"

#include <fmt/core.h>

#include <utility>

#include "common/base/text.h"

namespace proxy::native {

using subunit::Status;

namespace {

std::string text_of(const testing::TestPartResult& part) {
  const std::string place =
      part.file_name() ? fmt::format("{}:{}: ", part.file_name(), part.line_number()) : "";
  return fmt::format("{}{}\n", place, part.message());
}

const std::string kEnvironmentSetUp = "Environment::SetUp";
const std::string kEnvironmentTearDown = "Environment::TearDown";

}  // namespace

std::string gtest_id(const testing::TestInfo& test) {
  std::string id = fmt::format("{}.{}", test.test_suite_name(), test.name());
  return subunit::is_text(subunit::as_bytes(id)) ? id : subunit::escaped(id, id.size());
}

void GtestEvents::enter(const std::string& fixture, const std::string& blamed) {
  reporter_.fixture(fixture, blamed);
}

void GtestEvents::fail_fixture(const std::string& fixture) {
  const std::string failure = std::exchange(fixture_failure_, "");
  if (failure.empty()) return;
  reporter_.started(fixture);
  reporter_.attach(fixture, "failure", failure);
  reporter_.ended(fixture, Status::kFail);
}

// Environments.

void GtestEvents::OnEnvironmentsSetUpStart(const testing::UnitTest&) {
  enter(kEnvironmentSetUp);
}

void GtestEvents::OnEnvironmentsSetUpEnd(const testing::UnitTest&) {
  if (testing::Test::HasFatalFailure()) {
    // GoogleTest keeps it, and runs no test any more in this process.
    environment_failure_ = std::exchange(fixture_failure_, "");
    if (environment_failure_.empty()) environment_failure_ = "an environment has failed before\n";
  }
  fail_fixture(kEnvironmentSetUp);
}

void GtestEvents::OnEnvironmentsTearDownStart(const testing::UnitTest&) {
  enter(kEnvironmentTearDown);
}

void GtestEvents::OnEnvironmentsTearDownEnd(const testing::UnitTest&) {
  fail_fixture(kEnvironmentTearDown);
  enter("");
}

// Suites.

void GtestEvents::OnTestSuiteStart(const testing::TestSuite& suite) {
  suite_is_set_up_ = false;
  std::string first;
  for (int index = 0; first.empty() && index < suite.total_test_count(); ++index) {
    const auto found = left_.find(gtest_id(*suite.GetTestInfo(index)));
    if (found != left_.end() && found->second > 0) first = found->first;
  }
  enter(fmt::format("SetUpTestSuite ({})", suite.name()), first);
}

void GtestEvents::OnTestSuiteEnd(const testing::TestSuite& suite) {
  fail_fixture(fmt::format("TearDownTestSuite ({})", suite.name()));
  suite_failure_.clear();
  enter("");
}

// Tests.

void GtestEvents::OnTestStart(const testing::TestInfo& test) {
  if (!std::exchange(suite_is_set_up_, true)) {
    suite_failure_ = std::exchange(fixture_failure_, "");
    enter(fmt::format("TearDownTestSuite ({})", test.test_suite_name()));
  }
  leaves_out_ = reporter_.stopped();
  if (leaves_out_) GTEST_SKIP();  // the body; what surrounds it cannot be left out
  current_ = gtest_id(test);
  reason_.clear();
  if (worst_.count(current_) > 0) return;
  reporter_.started(current_);
}

void GtestEvents::OnTestPartResult(const testing::TestPartResult& part) {
  if (leaves_out_ || part.passed()) return;
  if (current_.empty()) {
    (part.skipped() ? environment_skip_ : fixture_failure_) += text_of(part);
  } else if (part.failed()) {
    reporter_.attach(current_, "failure", text_of(part));
  } else {
    reason_ += part.message();
  }
}

Status GtestEvents::outcome(const testing::TestResult& result) {
  if (result.Failed()) return Status::kFail;
  if (!result.Skipped()) return Status::kSuccess;
  const std::string failure = environment_failure_ + suite_failure_;
  if (failure.empty()) return Status::kSkip;
  reporter_.attach(current_, "failure", failure);
  return Status::kFail;
}

void GtestEvents::OnTestEnd(const testing::TestInfo& test) {
  if (std::exchange(leaves_out_, false)) return;
  Status status = outcome(*test.result());
  attach_details(test);
  const std::string id = std::exchange(current_, "");
  const auto left = left_.find(id);
  if (const auto before = worst_.find(id);
      before != worst_.end() && before->second == Status::kFail)
    status = Status::kFail;
  if (left != left_.end() && --left->second > 0) {
    worst_[id] = status;
    return;
  }
  worst_.erase(id);
  reporter_.ended(id, status);
}

void GtestEvents::attach_details(const testing::TestInfo& test) {
  const testing::TestResult& result = *test.result();
  if (!reason_.empty()) reporter_.attach(current_, "reason", reason_);
  if (result.Failed() && test.value_param())
    reporter_.attach(current_, "parameter", fmt::format("GetParam() = {}\n", test.value_param()));
  if (result.Failed() && test.type_param())
    reporter_.attach(current_, "parameter", fmt::format("TypeParam = {}\n", test.type_param()));
  std::string properties;
  for (int index = 0; index < result.test_property_count(); ++index) {
    const testing::TestProperty& property = result.GetTestProperty(index);
    properties += fmt::format("{}: {}\n", property.key(), property.value());
  }
  if (!properties.empty()) reporter_.attach(current_, "properties", properties);
}

void GtestEvents::end_left() {
  const bool skipped = environment_failure_.empty() && !environment_skip_.empty();
  for (const auto& [id, count] : left_) {
    if (count == 0 || reporter_.stopped()) continue;
    if (worst_.count(id) == 0) reporter_.started(id);
    if (skipped)
      reporter_.attach(id, "reason", environment_skip_);
    else
      reporter_.attach(id, "failure", "GoogleTest has not run this test\n" + environment_failure_);
    reporter_.ended(id, skipped ? Status::kSkip : Status::kFail);
  }
}

}  // namespace proxy::native
