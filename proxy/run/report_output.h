#pragma once

#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/report/report.h"
#include "proxy/posix/fd.h"
#include "proxy/posix/log.h"
#include "proxy/run/output.h"

namespace proxy {

/// Where a report goes that is written as a whole, at the end of the run.
struct ReportFile {
  std::string what;  ///< for people: "the JUnit report"
  std::string path;
  Fd stream;  ///< what is there, if it is a pipe or a device; a file is replaced instead
};

/// An Error if no file can be made there, or written to what is there. The file that is there stays
/// as it is.
[[nodiscard]] subunit::Result<ReportFile> open_report(const char* what, const std::string& path);

/// Writes the report when the run has ended, whatever its end was: to a new file, which then takes
/// the place of the one that was there. So a reader never sees a part of it. What goes wrong is
/// told in the log, and costs nothing else.
[[nodiscard]] std::unique_ptr<Output> make_report_output(
    std::unique_ptr<subunit::report::Report> report, ReportFile file, const Log& log);

}  // namespace proxy
