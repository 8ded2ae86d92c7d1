#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/subunit/format.h"

namespace subunit::adapter {

/// What a program with GoogleTest prints, cut where a test begins and ends.
///
/// GoogleTest prints a line before and one after each test, and flushes. So the place of a test's
/// output is exact, however late it is read. These lines, and the others that frame the tests, are
/// left out. A program whose printer prints no such lines has its output cut where it was read.
class GtestOutput {
 public:
  /// A longer line of a test is not held back until it is whole.
  static constexpr std::size_t kMaxLine = 64 << 10;

  void add(std::string_view bytes) { text_ += bytes; }

  /// What was printed until the test `id` began: outside of tests.
  [[nodiscard]] std::string begin(std::string_view id);

  /// More of the output of the test that has begun last, until the line that could be its last.
  [[nodiscard]] std::string more();

  struct Rest {
    std::string output;
    /// kSuccess, kFail or kSkip, if the line that ends the test is here.
    std::optional<Status> status = std::nullopt;
  };
  /// The rest of its output: it has ended, and all that it has printed was added.
  [[nodiscard]] Rest end();

  /// The program has ended: what is left, of the test that has begun last or outside of tests.
  [[nodiscard]] std::string finish(bool in_test);

 private:
  [[nodiscard]] std::optional<std::string_view> line_at(std::size_t at) const;
  /// Where GoogleTest's own text begins in a line, and what it says of the test.
  struct Mark {
    std::size_t at;
    Status status;
  };
  [[nodiscard]] std::optional<Mark> mark_in(std::string_view line) const;
  [[nodiscard]] std::string take(std::size_t size);

  std::string text_;
  std::string id_;  // of the test that has begun last
  bool may_have_ended_ = false;
};

}  // namespace subunit::adapter
