#include "proxy/run/github_output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "common/report/ci/github.h"
#include "proxy/io/handle.h"
#include "proxy/posix/fd.h"
#include "proxy/posix/output_file.h"

namespace proxy {

using subunit::error;
using subunit::Result;
using subunit::Time;
using subunit::report::GithubReport;
using subunit::report::SourcePlaces;

namespace {

std::filesystem::path current_folder() {
  std::error_code failure;
  return std::filesystem::current_path(failure);
}

/// Where we are, relative to the repository; "" at its top, or if that is not known.
std::string folder_in_repository() {
  const char* const workspace = std::getenv("GITHUB_WORKSPACE");
  if (!workspace || !*workspace) return "";
  std::error_code failure;
  const auto folder = std::filesystem::relative(current_folder(), workspace, failure);
  const bool is_inside = !failure && folder != "." && *folder.begin() != "..";
  return is_inside ? folder.string() : "";
}

class GithubOutput : public Output {
 public:
  GithubOutput(const subunit::run::View& view, const Log& log)
      : log_(log), report_(folder_in_repository(), places_here(), view, precise_now()) {}

  subunit::run::Observer& observer() override { return report_; }
  void write(Time) override {}
  void close(Time) override;

 private:
  [[nodiscard]] Result<> append_summary(const char* path) const;

  const Log& log_;
  GithubReport report_;
};

void GithubOutput::close(Time) {
  const std::string annotations = report_.annotations();
  if (!annotations.empty()) log_.screen().print_exactly(annotations);
  const char* const path = std::getenv("GITHUB_STEP_SUMMARY");
  if (!path || !*path) return;
  if (const auto appended = append_summary(path); !appended)
    log_.error("cannot write the summary of the step to \"{}\": {}", subunit::escaped(path),
               appended.error().text);
}

Result<> GithubOutput::append_summary(const char* path) const {
  const Fd file(::open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666));
  struct stat there {};
  if (!file || ::fstat(file.get(), &there) != 0) return error("{}", std::strerror(errno));
  if (!S_ISREG(there.st_mode)) return error("it is not a regular file");
  const auto size = static_cast<std::size_t>(there.st_size);
  const std::size_t room = GithubReport::kMaxSummary - std::min(GithubReport::kMaxSummary, size);
  const std::string summary = report_.summary(room);
  if (summary.empty()) return error("the step has too long a summary already");
  return write_all(file.get(), subunit::as_bytes(summary));
}

}  // namespace

std::shared_ptr<const SourcePlaces> places_here() {
  return std::make_shared<const SourcePlaces>(
      current_folder().string(), [](const std::string& file) {
        std::error_code ignored;
        return std::filesystem::is_regular_file(file, ignored);
      });
}

std::unique_ptr<Output> make_github_output(const subunit::run::View& view, const Log& log) {
  return std::make_unique<GithubOutput>(view, log);
}

}  // namespace proxy
