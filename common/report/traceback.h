#pragma once

#include <string>
#include <string_view>

namespace subunit::report {

/// Text with tracebacks of Python, without the frames of unittest, testtools and pytest themselves:
/// what is of interest is where the suite's own code was, and these stand before or behind that.
///
///       File "/usr/lib/python3.11/unittest/case.py", line 703, in fail
///         raise self.failureException(msg)
///
/// A traceback that has no other frames stays as it is, and so does all other text.
[[nodiscard]] std::string without_framework_frames(std::string_view text);

}  // namespace subunit::report
