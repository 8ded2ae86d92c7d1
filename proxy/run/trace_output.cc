#include <chrono>
#include <cstring>

#include "common/base/text.h"
#include "common/report/trace.h"
#include "proxy/io/handle.h"
#include "proxy/posix/background_writer.h"
#include "proxy/posix/output_file.h"
#include "proxy/run/output.h"

namespace proxy {

using std::chrono::seconds;
using subunit::Time;

namespace {

constexpr std::size_t kMaxBuffered = 64 << 10;
constexpr Time kMaxHeldBack = seconds(1);     // nobody looks at the file more often
constexpr std::size_t kMaxWaiting = 8 << 20;  // for the reader of a pipe
constexpr Time kQuiet = seconds(1);           // at the end, for one that takes nothing,
constexpr Time kLastWords = seconds(5);       // and for one that is slow

class TraceOutput : public Output {
 public:
  TraceOutput(std::string path, Fd file, const Log& log)
      : path_(std::move(path)),
        file_(std::move(file), {.queue = kMaxWaiting}),
        log_(log),
        trace_("subunit-proxy run", precise_now()),
        written_at_(precise_now()) {}

  subunit::run::Observer& observer() override { return trace_; }
  void write(Time now) override;
  std::optional<Time> next_deadline() const override {
    if (trace_.pending_output().empty()) return std::nullopt;
    return written_at_ + kMaxHeldBack;
  }
  void close(Time now) override;

 private:
  void write_all();

  const std::string path_;
  BackgroundWriter file_;
  const Log& log_;
  subunit::report::Trace trace_;
  Time written_at_;
  std::size_t dropped_ = 0;  // bytes, of whole events
};

void TraceOutput::write(Time now) {
  const std::size_t size = trace_.pending_output().size();
  if (size == 0) written_at_ = now;  // held back from the next text on
  if (size < kMaxBuffered && now < written_at_ + kMaxHeldBack) return;
  written_at_ = now;
  write_all();
}

void TraceOutput::write_all() {
  const std::string_view text = trace_.pending_output();
  // Behind a hole in the middle of an event, nothing could be read.
  if (file_.error() == 0 && !file_.write(std::string(text))) dropped_ += text.size();
  trace_.consume_output();
}

void TraceOutput::close(Time) {
  write_all();
  dropped_ += file_.flush(kQuiet, kLastWords);
  if (const int error = file_.error(); error != 0) {
    log_.warning("the trace in {} is incomplete: {}", path_, std::strerror(error));
  } else if (dropped_ > 0) {
    log_.warning("the trace in {} is incomplete: {} bytes were dropped, since nobody read them",
                 path_, dropped_);
  }
}

}  // namespace

std::unique_ptr<Output> make_trace_output(const std::string& path, Fd file, const Log& log) {
  return std::make_unique<TraceOutput>(subunit::escaped(path), std::move(file), log);
}

}  // namespace proxy
