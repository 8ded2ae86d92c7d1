#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "common/report/trace.h"
#include "proxy/io/handle.h"
#include "proxy/posix/fd.h"
#include "proxy/run/output.h"

namespace proxy {

using subunit::Time;

namespace {

constexpr std::size_t kMaxBuffered = 64 << 10;
constexpr Time kMaxHeldBack = std::chrono::seconds(1);  // nobody looks at the file more often

class TraceOutput : public Output {
 public:
  TraceOutput(std::string path, Fd file, const Log& log)
      : path_(std::move(path)),
        file_(std::move(file)),
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
  Fd file_;
  const Log& log_;
  subunit::report::Trace trace_;
  Time written_at_;
  int error_ = 0;  // errno of the first write that failed
};

void TraceOutput::write(Time now) {
  const std::size_t size = trace_.pending_output().size();
  if (size == 0) written_at_ = now;  // held back from the next text on
  if (size < kMaxBuffered && now < written_at_ + kMaxHeldBack) return;
  written_at_ = now;
  write_all();
}

void TraceOutput::write_all() {
  std::string_view text = trace_.pending_output();
  while (!text.empty() && error_ == 0) {
    const ssize_t written = ::write(file_.get(), text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      error_ = errno;
    }
  }
  trace_.consume_output();
}

void TraceOutput::close(Time) {
  write_all();
  if (::close(file_.release()) < 0 && error_ == 0) error_ = errno;
  if (error_ != 0) log_.warning("the trace in {} is incomplete: {}", path_, std::strerror(error_));
}

}  // namespace

subunit::Result<std::unique_ptr<Output>> make_trace_output(const std::string& path,
                                                           const Log& log) {
  Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!file) return subunit::error("cannot write the trace to {}: {}", path, std::strerror(errno));
  return std::make_unique<TraceOutput>(path, std::move(file), log);
}

}  // namespace proxy
