#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/adapter/adapter.h"
#include "common/adapter/tap/tap_line.h"

namespace subunit::adapter {

/// A TAP result with the names of the subtests around it.
struct TapTest {
  std::string name;
  Status status;
  std::vector<Attachment> attachments = {};
};

/// Makes tests of the lines of one TAP stream: follows subtests, and finds for each result what
/// else is said of it. In TAP, comments and YAML follow their result, so a failed test is told only
/// when another line follows; in KTAP, they come before it. The results of a subtest are told with
/// that of the test that it belongs to, whose name they get.
class TapStream {
 public:
  /// What one line has brought.
  struct Taken {
    std::vector<TapTest> ended = {};  ///< before the line, if that is not TAP
    bool is_tap = true;
  };
  /// `line` has no line feed.
  [[nodiscard]] Taken take(std::string_view line);

  /// Nothing more comes. The tests that have not been told.
  [[nodiscard]] std::vector<TapTest> end();

  /// After end(): what is wrong with the stream as a whole, a text; nothing if nothing is.
  [[nodiscard]] std::optional<std::string> fault() const;

  /// The reason why none of the tests runs, if a plan says so.
  [[nodiscard]] const std::optional<std::string>& skip_all() const { return skip_all_; }
  /// There was a plan or a result.
  [[nodiscard]] bool is_tap() const { return levels_.front().plan || levels_.front().tests > 0; }
  /// A test has failed, and that was not expected.
  [[nodiscard]] bool has_failed() const { return has_failed_; }

 private:
  struct Level {
    std::size_t indent = 0;
    std::optional<std::size_t> plan = {};
    std::size_t tests = 0;
    std::vector<TapTest> ended = {};  // and not told
  };

  [[nodiscard]] std::vector<TapTest> take_told();
  void take(const TapLine& line);
  std::optional<Level> enter(std::size_t indent);
  void end_test(const TapLine::Result& result, std::optional<Level> subtest);
  [[nodiscard]] Status status_of(const TapLine::Result& result);
  [[nodiscard]] bool take_yaml(std::string_view line);
  void note(std::string_view text);

  std::vector<Level> levels_ = std::vector<Level>(1);
  bool is_kernels_ = false;
  std::string notes_;  // for the next result
  std::optional<std::size_t> yaml_indent_;
  std::optional<std::string> bail_out_;
  std::optional<std::string> skip_all_;
  bool has_failed_ = false;
};

}  // namespace subunit::adapter
