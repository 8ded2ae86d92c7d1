#pragma once

#include <memory>

#include "common/report/ci/source_place.h"
#include "proxy/posix/log.h"
#include "proxy/run/output.h"

namespace proxy {

/// For source files in the current folder.
[[nodiscard]] std::shared_ptr<const subunit::report::SourcePlaces> places_here();

/// At the end of the run: annotations on stderr, which GitHub's runner reads as it does stdout, and
/// a summary appended to the file that GITHUB_STEP_SUMMARY names, if it does. What goes wrong is
/// told in the log. `view` and `log` are the caller's, and live longer.
[[nodiscard]] std::unique_ptr<Output> make_github_output(const subunit::run::View& view,
                                                         const Log& log);

}  // namespace proxy
