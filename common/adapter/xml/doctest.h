#pragma once

#include <algorithm>

#include "common/adapter/adapter.h"

namespace subunit::adapter {

/// Programs with doctest (2.4), as they are. They list and report in XML, which they write to a
/// FIFO and not to stdout.
///
/// For the id of a test see doctest_ids(). A test with the decorator skip() is listed, and is
/// skipped. Names are literal: a filter of doctest's cannot say that of "*" and "?", so such tests,
/// and those whose name is not the only one, are asked for by their number in the program's own
/// order.
class DoctestAdapter : public Adapter {
 public:
  /// `command`: with what the program is started.
  explicit DoctestAdapter(std::span<const std::string> command)
      : runs_skipped_(std::ranges::any_of(command,
                                          [](std::string_view word) {
                                            return word == "--no-skip" || word == "-ns" ||
                                                   word == "--no-skip=true";
                                          })),
        has_filter_(std::ranges::any_of(command, [](std::string_view word) {
          return word.starts_with("-tc=") || word.starts_with("--test-case=") ||
                 word.starts_with("-dt-tc=") || word.starts_with("--dt-test-case=");
        })) {}

  [[nodiscard]] EventSource source() const override { return EventSource::kFifo; }
  [[nodiscard]] Invocation list(const Outlets& outlets) const override;
  [[nodiscard]] std::size_t together(std::span<const std::string> ids) const override;
  [[nodiscard]] Invocation run(std::span<const std::string> ids,
                               const Outlets& outlets) const override;
  [[nodiscard]] std::unique_ptr<ResultReader> reader(
      std::span<const std::string> ids) const override;

  /// As in the list; the places in it are the same as those of tests().
  struct Case {
    std::string name;
    std::string file;
    unsigned line;
    std::string suite;
    bool skipped;
  };

 protected:
  [[nodiscard]] Result<std::vector<ListedTest>> read_list(const Remains& remains) override;

 private:
  /// How a process is told to run a test.
  enum class Way { kByName, kByNumber, kNotAtAll };
  [[nodiscard]] Way way_of(std::string_view id) const;

  bool runs_skipped_;
  bool has_filter_;  // for names: another one would add to it
  std::vector<Case> cases_;
  std::unordered_map<std::string, std::size_t> times_;  // how many tests have this name
};

}  // namespace subunit::adapter
