#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/regex.h"

namespace subunit::report {

struct SourcePlace {
  std::string file;
  std::size_t line;  ///< from 1
  bool is_here;  ///< there is such a file in the folder where we are, and `file` is relative to it

  bool operator==(const SourcePlace&) const = default;
};

/// Finds where a test has failed in the text of its failure, as the frameworks write it:
///
///     File "/home/me/tests/test_net.py", line 12, in test_dns     a Python traceback
///     tests/test_net.py:12: AssertionError                        pytest
///     ../tests/net_test.cc:12: Failure                            GoogleTest, doctest, Catch2
///     #   at t/net.t line 12.                                     Perl's TAP
///
/// Of a traceback it is the deepest frame in a file of the suite's own: a frame of Python's
/// library, or of an installed package, such as the one of an assertion, tells nothing. Of several
/// failures of a C++ test it is the first one.
///
/// The tests may have run on another machine, or in another folder. So the beginning of a path is
/// left off until what remains is a file here, if there is one.
class SourcePlaces {
 public:
  /// Whether there is a file of this name, which is relative to the folder.
  using Exists = std::function<bool(const std::string& file)>;

  /// `folder`: the one where we are, as an absolute path.
  SourcePlaces(std::string folder, Exists exists);

  [[nodiscard]] std::optional<SourcePlace> find(std::string_view text) const;

 private:
  struct Mention {
    std::string_view file;
    std::size_t line;
  };
  struct Mentions;

  [[nodiscard]] std::optional<Mention> python_frame(std::string_view line) const;
  [[nodiscard]] std::optional<Mention> place_before_colon(std::string_view line) const;
  [[nodiscard]] std::optional<Mention> place_in_words(std::string_view line) const;
  [[nodiscard]] bool is_own(std::string_view file) const;
  [[nodiscard]] SourcePlace here(const Mention& mention) const;

  std::string folder_;
  Exists exists_;
  Regex python_frame_;
  Regex place_before_colon_;
  Regex place_in_words_;
  Regex library_;
};

}  // namespace subunit::report
