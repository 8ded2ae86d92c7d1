#include "proxy/run/report_output.h"

#include <chrono>
#include <cstring>

#include "common/base/text.h"
#include "proxy/posix/background_writer.h"
#include "proxy/posix/output_file.h"

namespace proxy {

using subunit::error;
using subunit::escaped;
using subunit::Result;
using subunit::Time;
using subunit::report::Report;

namespace {

constexpr std::size_t kMaxWaiting = std::size_t{1} << 30;  // for a pipe: it is in memory anyway
// A pipe's reader that takes nothing, and one that is slow.
constexpr Time kQuiet = std::chrono::seconds(1);
constexpr Time kLastWords = std::chrono::seconds(5);

class ReportOutput : public Output {
 public:
  ReportOutput(std::unique_ptr<Report> report, ReportFile file, const Log& log)
      : report_(std::move(report)), file_(std::move(file)), log_(log) {}

  subunit::run::Observer& observer() override { return *report_; }
  void write(Time) override {}
  void close(Time) override;
  [[nodiscard]] bool failed() const override { return failed_; }

 private:
  Result<> replace();
  Result<> send();

  std::unique_ptr<Report> report_;
  ReportFile file_;
  const Log& log_;
  bool failed_ = false;
};

void ReportOutput::close(Time) {
  const Result<> written = file_.stream ? send() : replace();
  failed_ = !written;
  if (failed_)
    log_.error("cannot write {} \"{}\": {}", file_.what, escaped(file_.path), written.error().text);
}

Result<> ReportOutput::replace() {
  auto file = ReplacementFile::create(file_.path);
  if (!file) return tl::unexpected(file.error());
  if (!*file) return error("it is not a regular file any more");
  for (std::string_view piece; !(piece = report_->pending_output()).empty();
       report_->consume_output())
    if (auto written = (*file)->write(subunit::as_bytes(piece)); !written) return written;
  return (*file)->commit();
}

Result<> ReportOutput::send() {
  BackgroundWriter stream(std::move(file_.stream), {.queue = kMaxWaiting});
  for (std::string_view piece; !(piece = report_->pending_output()).empty();
       report_->consume_output())
    stream.write(std::string(piece));
  const std::size_t unread = stream.flush(kQuiet, kLastWords);
  if (stream.error() != 0) return error("{}", std::strerror(stream.error()));
  if (unread > 0) return error("nobody has read {} bytes of it", unread);
  return {};
}

}  // namespace

Result<ReportFile> open_report(const char* what, const std::string& path) {
  const auto file = ReplacementFile::create(path);
  if (!file) return error("cannot write {} \"{}\": {}", what, escaped(path), file.error().text);
  if (*file) return ReportFile{.what = what, .path = path, .stream = Fd()};
  return open_output(what, path).map([&](Fd stream) {
    return ReportFile{what, path, std::move(stream)};
  });
}

std::unique_ptr<Output> make_report_output(std::unique_ptr<Report> report, ReportFile file,
                                           const Log& log) {
  return std::make_unique<ReportOutput>(std::move(report), std::move(file), log);
}

}  // namespace proxy
