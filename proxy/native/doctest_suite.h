#pragma once

#include <doctest/doctest.h>

#include <unordered_map>
#include <vector>

#include "proxy/native/suite.h"

namespace proxy::native {

/// doctest's test cases. The public header tells what becomes of them.
///
/// doctest chooses test cases by patterns of their names, which cannot name every one, and by their
/// numbers among those that pass the filters, which can: a Run is done range by range.
class DoctestSuite final : public Suite {
 public:
  /// `context` has the program's options, and has to last as long as this. Those of them that a
  /// server cannot follow are set to others.
  explicit DoctestSuite(doctest::Context& context);

  [[nodiscard]] const char* framework() const override { return "doctest"; }
  [[nodiscard]] const std::vector<Test>& tests() const override { return tests_; }
  void run(const Places& which, Reporter& reporter) override;

 private:
  void run_range(std::size_t first, std::size_t last, Reporter& reporter);

  doctest::Context& context_;
  std::vector<Test> tests_;
  std::vector<bool> skipped_;  // of tests_
  std::unordered_map<const doctest::TestCaseData*, std::size_t> places_;
};

}  // namespace proxy::native
