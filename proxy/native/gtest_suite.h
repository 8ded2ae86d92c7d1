#pragma once

#include <string>
#include <vector>

#include "proxy/native/suite.h"

namespace proxy::native {

/// GoogleTest's tests, once InitGoogleTest() was called. The public header tells what becomes of
/// them.
class GtestSuite final : public Suite {
 public:
  /// Sets the flags of GoogleTest that do not go with a server to their defaults, and says so.
  GtestSuite();

  [[nodiscard]] const char* framework() const override { return "GoogleTest"; }
  [[nodiscard]] const std::vector<Test>& tests() const override { return tests_; }
  void run(const Places& which, Reporter& reporter) override;

 private:
  struct Named {
    std::string name;  ///< as in a filter
    int count = 0;     ///< of tests that have it
    bool disabled = false;
  };
  std::vector<Test> tests_;
  std::vector<Named> named_;  // tests_ as GoogleTest knows them
};

}  // namespace proxy::native
