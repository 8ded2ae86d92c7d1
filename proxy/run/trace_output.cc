#include "proxy/run/trace_output.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "proxy/run/trace.h"

namespace proxy {
namespace {

constexpr std::size_t kMaxBuffered = 64 << 10;
constexpr auto kMaxHeldBack = std::chrono::seconds(1);  // nobody looks at the file more often

class TraceOutput : public Output {
 public:
  TraceOutput(std::string path, Fd file, uv_loop_t& loop, const Log& log)
      : path_(std::move(path)),
        file_(std::move(file)),
        log_(log),
        trace_("subunit-proxy run"),
        write_timer_(loop, [this] { write(); }) {}

  void expect(std::size_t) override {}
  void packet(const subunit::Packet& packet, std::optional<WorkerNumber> worker) override {
    trace_.packet(packet, worker, now());
    written_to();
  }
  void happened(const Incident& incident) override {
    trace_.happened(incident, now());
    written_to();
  }
  void flush() override {}
  void finish(bool) override;

 private:
  /// Not the loop's clock: that stands still within one turn, in which whole tests may pass.
  [[nodiscard]] subunit::Time now() const { return subunit::Time(uv_hrtime() - started_); }
  void written_to();
  void write();

  const std::string path_;
  Fd file_;
  const Log& log_;
  const std::uint64_t started_ = uv_hrtime();
  Trace trace_;
  Timer write_timer_;
  int error_ = 0;  // errno of the first write that failed
};

void TraceOutput::written_to() {
  if (trace_.pending_output().size() >= kMaxBuffered) return write();
  if (!write_timer_.running()) write_timer_.start(kMaxHeldBack);
}

void TraceOutput::write() {
  write_timer_.stop();
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

void TraceOutput::finish(bool) {
  trace_.finish(now());
  write();
  if (::close(file_.release()) < 0 && error_ == 0) error_ = errno;
  if (error_ != 0) log_.warning("the trace in {} is not whole: {}", path_, std::strerror(error_));
}

}  // namespace

subunit::Result<std::unique_ptr<Output>> make_trace_output(const std::string& path, uv_loop_t& loop,
                                                           const Log& log) {
  Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!file) return subunit::error("cannot write the trace to {}: {}", path, std::strerror(errno));
  return std::make_unique<TraceOutput>(path, std::move(file), loop, log);
}

}  // namespace proxy
