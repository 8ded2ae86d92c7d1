#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/report/attachments.h"
#include "common/subunit/format.h"

namespace subunit::report {

using Texts = std::vector<Attachments::Text>;

/// What a test, or one attempt of it, has printed, and what it attached besides.
struct Printed {
  std::string out = {};      ///< stdout, whatever the encodings in it
  std::string err = {};      ///< stderr
  std::string details = {};  ///< of everything else, with its names if there are several files
};
[[nodiscard]] Printed printed_of(const Texts& files);

/// Why a test has not passed.
struct Failure {
  /// Something else than an assertion of the test: an exception that nobody expected, a fixture, a
  /// crash, a time-out, a test that never ran.
  bool is_error = false;
  std::string type;     ///< of the exception, if there was one; or "crashed", "timed-out", …
  std::string message;  ///< a line; of an exception, with its type
};

/// The failure of a test that has ended as kFail or kUnexpectedSuccess. `why`: what a tag says of
/// that, such as kCrashedTag; "" if none does.
///
/// The exception is the last one of the first file that has one: of a chain of exceptions, the one
/// that the test has failed with.
[[nodiscard]] Failure failure_of(std::string_view test_id, Status status, std::string_view why,
                                 const Texts& files);

/// Why a test was skipped, or was expected to fail: the text of its "reason", in one line, or the
/// failure's message; "" if neither is there.
[[nodiscard]] std::string reason_of(const Texts& files);

}  // namespace subunit::report
