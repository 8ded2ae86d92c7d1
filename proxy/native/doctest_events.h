#pragma once

#include <doctest/doctest.h>

#include <climits>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "proxy/native/reporter.h"

namespace proxy::native {

/// doctest's reporter while it serves. doctest makes one for each of its runs, from the options
/// alone, so what they are for stands beside them.
class DoctestEvents final : public doctest::IReporter {
 public:
  /// One of doctest's runs.
  struct Target {
    /// The answer to a query; otherwise nothing, and the rest is there.
    std::vector<const doctest::TestCaseData*>* listed = nullptr;
    bool with_skipped = true;  ///< those with the decorator skip() count among the test cases
    unsigned first = 0;        ///< of the test cases, counted from 1
    unsigned last = UINT_MAX;
    Reporter* reporter = nullptr;
    std::function<const std::string&(const doctest::TestCaseData&)> id_of = {};
  };
  static constexpr char kName[] = "subunit-rpc";

  /// The target of all that are made from now on.
  static void set_target(Target target);

  /// Sets the options to what the target needs: doctest has no other way to take back an option
  /// that is only there or not, and looks at them after this.
  explicit DoctestEvents(const doctest::ContextOptions& options);

  void report_query(const doctest::QueryData& data) override;
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats&) override {}
  void test_case_start(const doctest::TestCaseData& test) override;
  void test_case_reenter(const doctest::TestCaseData&) override { subcases_.clear(); }
  void test_case_end(const doctest::CurrentTestCaseStats& stats) override;
  void test_case_exception(const doctest::TestCaseException& exception) override;
  void subcase_start(const doctest::SubcaseSignature& subcase) override;
  void subcase_end() override;
  void log_assert(const doctest::AssertData& data) override;
  void log_message(const doctest::MessageData& message) override;
  void test_case_skipped(const doctest::TestCaseData&) override {}

 private:
  void attach(const char* name, const std::string& text);
  [[nodiscard]] std::string surroundings() const;
  [[nodiscard]] subunit::Status outcome(const doctest::CurrentTestCaseStats& stats);

  const Target& target_;
  std::mutex mutex_;  // asserts may be in several threads
  const doctest::TestCaseData* test_ = nullptr;
  std::vector<std::string> subcases_;  // which the test case is in
  bool crashed_ = false;
};

}  // namespace proxy::native
