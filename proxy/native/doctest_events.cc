#include "proxy/native/doctest_events.h"

#include <fmt/core.h>

#include <cstring>
#include <sstream>
#include <utility>

namespace proxy::native {

using doctest::AssertData;
using doctest::TestCaseData;
using subunit::Status;

namespace {

namespace at = doctest::assertType;
namespace reason = doctest::TestCaseFailureReason;

DoctestEvents::Target& target() {
  static DoctestEvents::Target the_one;
  return the_one;
}

std::string place(const char* file, int line) {
  return fmt::format("{}:{}: ", file, line);
}

/// How an assert has failed, in doctest's own words.
std::string failure(const AssertData& data) {
  const std::string exception = data.m_exception.c_str();
  if (!(data.m_at & (at::is_throws | at::is_throws_as | at::is_throws_with))) {
    if (data.m_threw) return "THREW exception: " + exception;
    return fmt::format("is NOT correct!\n  values: {}( {} )", doctest::assertString(data.m_at),
                       data.m_decomp.c_str());
  }
  return data.m_threw ? "threw a DIFFERENT exception: " + exception : "did NOT throw at all!";
}

std::string expectation(const AssertData& data) {
  std::string text = data.m_expr;
  if (data.m_at & at::is_throws_with)
    text += fmt::format(", \"{}\"", data.m_exception_string.c_str());
  if (data.m_at & at::is_throws_as) text += fmt::format(", {}", data.m_exception_type);
  return fmt::format("{}( {} ) ", doctest::assertString(data.m_at), text);
}

}  // namespace

void DoctestEvents::set_target(Target new_target) {
  target() = std::move(new_target);
}

DoctestEvents::DoctestEvents(const doctest::ContextOptions& options) : target_(target()) {
  // They are part of an object of doctest's that is not const.
  auto& changed = const_cast<doctest::ContextOptions&>(options);
  changed.list_test_cases = target_.listed != nullptr;
  changed.no_skip |= target_.with_skipped;
  changed.first = target_.first;
  changed.last = target_.last;
  changed.abort_after = 0;
  changed.count = changed.list_test_suites = changed.list_reporters = false;
  changed.help = changed.version = changed.no_run = false;
}

void DoctestEvents::report_query(const doctest::QueryData& data) {
  if (target_.listed) target_.listed->assign(data.data, data.data + data.num_data);
}

void DoctestEvents::attach(const char* name, const std::string& text) {
  target_.reporter->attach(target_.id_of(*test_), name, text + "\n");
}

/// Where in the test case it is, and what INFO() and CAPTURE() tell.
std::string DoctestEvents::surroundings() const {
  std::string text;
  for (const std::string& subcase : subcases_) text += "\n  subcase: " + subcase;
  const doctest::IContextScope* const* const contexts = get_active_contexts();
  for (int index = 0; index < get_num_active_contexts(); ++index) {
    std::ostringstream context;
    contexts[index]->stringify(&context);
    text += "\n  logged: " + context.str();
  }
  return text;
}

void DoctestEvents::test_case_start(const TestCaseData& test) {
  test_ = &test;
  target_.reporter->started(target_.id_of(test));
}

void DoctestEvents::test_case_exception(const doctest::TestCaseException& exception) {
  const std::lock_guard<std::mutex> lock(mutex_);
  // doctest then lets the signal end the process, so this test case has no end. In the handler of a
  // signal there is nothing that may be done.
  crashed_ = exception.is_crash;
  if (crashed_) return;
  std::string text = place(test_->m_file.c_str(), static_cast<int>(test_->m_line)) +
                     "test case THREW exception: " + exception.error_string.c_str();
  const doctest::String* const contexts = get_stringified_contexts();
  for (int index = get_num_stringified_contexts(); index > 0; --index)
    text += fmt::format("\n  logged: {}", contexts[index - 1].c_str());
  attach("failure", text);
}

void DoctestEvents::subcase_start(const doctest::SubcaseSignature& subcase) {
  const std::lock_guard<std::mutex> lock(mutex_);
  subcases_.emplace_back(subcase.m_name.c_str());
}

void DoctestEvents::subcase_end() {
  if (crashed_) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!subcases_.empty()) subcases_.pop_back();
}

void DoctestEvents::log_assert(const AssertData& data) {
  if (!data.m_failed) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  const char* const name = data.m_at & at::is_warn ? "message" : "failure";
  attach(name,
         place(data.m_file, data.m_line) + expectation(data) + failure(data) + surroundings());
}

void DoctestEvents::log_message(const doctest::MessageData& message) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const char* const name = message.m_severity & at::is_warn ? "message" : "failure";
  attach(name, place(message.m_file, message.m_line) + message.m_string.c_str() + surroundings());
}

Status DoctestEvents::outcome(const doctest::CurrentTestCaseStats& stats) {
  constexpr int kExpected = reason::ShouldHaveFailedAndDid | reason::CouldHaveFailedAndDid |
                            reason::FailedExactlyNumTimes;
  const int flags = stats.failure_flags;
  if (flags & reason::Timeout)
    attach("failure", fmt::format("took {:.6f} s, which is more than its timeout of {:.6f} s",
                                  stats.seconds, test_->m_timeout));
  if (stats.testCaseSuccess) return flags & kExpected ? Status::kExpectedFailure : Status::kSuccess;
  if (flags & reason::ShouldHaveFailedButDidnt) return Status::kUnexpectedSuccess;
  if (flags & reason::DidntFailExactlyNumTimes)
    attach("failure", fmt::format("{} asserts failed, {} were expected to",
                                  stats.numAssertsFailedCurrentTest, test_->m_expected_failures));
  return Status::kFail;
}

void DoctestEvents::test_case_end(const doctest::CurrentTestCaseStats& stats) {
  if (crashed_) return;
  target_.reporter->ended(target_.id_of(*test_), outcome(stats));
}

}  // namespace proxy::native
