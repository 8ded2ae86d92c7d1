#include "proxy/run/human_output.h"

#include <algorithm>
#include <csignal>

#include "common/base/escape.h"
#include "proxy/run/incident_log.h"
#include "proxy/run/progress.h"

namespace proxy {

using std::chrono::milliseconds;
using std::chrono::seconds;
using subunit::Status;

namespace {

constexpr auto kRedrawInterval = milliseconds(100);  // as often as one can read it
// Without a terminal: often enough to see in a log when it went where, and that it goes on.
constexpr auto kReportInterval = seconds(10);
constexpr std::size_t kReportColumns = 100;
constexpr std::size_t kMaxShownId = 200;  // columns, in a line that stays
constexpr std::string_view kRule =
    "----------------------------------------------------------------------\n";

}  // namespace

HumanOutput::HumanOutput(Color color, Writer& out, const RunView& view, uv_loop_t& loop,
                         const Log& log)
    : out_(out),
      view_(view),
      loop_(loop),
      log_(log),
      screen_(log.screen()),
      has_status_line_(screen_.has_status_line()),
      paint_out_(wants_color(color, out.to_capable_terminal())),
      paint_err_(wants_color(color, has_status_line_)),
      started_(now(loop)),
      shown_at_(started_),
      progress_timer_(loop, [this] { show_progress(); }) {
  progress_timer_.start(has_status_line_ ? subunit::Time(kRedrawInterval) : kReportInterval);
  if (has_status_line_) resized_.emplace(loop, SIGWINCH, [this] { progressed(); });
}

void HumanOutput::expect(std::size_t tests) {
  expected_ = tests;
  progressed();
}

void HumanOutput::packet(const subunit::Packet& packet, std::optional<WorkerNumber> worker) {
  const std::string id(packet.test_id.value_or(""));
  if (packet.file) open_[id].add(packet);
  if (!packet.test_id) return;
  if (packet.status == Status::kInProgress) {
    running_.start(id, worker, now(loop_));
    progressed();
  } else if (is_final(packet.status)) {
    running_.end(id, worker);
    end_test(packet);
    progressed();
  }
}

void HumanOutput::end_test(const subunit::Packet& packet) {
  const auto found = open_.find(std::string(*packet.test_id));
  if (is_failure(packet.status)) {
    failures_ += fmt::format(
        "{}{}: {}\n{}", kRule,
        paint_out_(Ink::kBad, packet.status == Status::kFail ? "FAIL" : "UNEXPECTED SUCCESS"),
        subunit::escaped(*packet.test_id, SIZE_MAX), kRule);
    if (found != open_.end()) failures_ += found->second.text();
    failures_ += '\n';
    if (failures_.size() > kMaxKept) print_failures();
  }
  if (found != open_.end()) open_.erase(found);
}

void HumanOutput::happened(const Incident& incident) {
  log_incident(incident, log_);
  if (incident.kind == Incident::Kind::kSlow) show_slow(incident);
  if (incident.kind == Incident::Kind::kGone) {
    ++servers_lost_;
    if (incident.worker) running_.lose(*incident.worker);
    progressed();
  }
}

void HumanOutput::show_slow(const Incident& incident) {
  const auto since = running_.since(incident.test_id);
  const std::string time =
      since ? fmt::format(" for {} s",
                          std::chrono::duration_cast<seconds>(now(loop_) - *since).count())
            : "";
  const std::string where = incident.worker ? fmt::format(" on worker-{}", *incident.worker) : "";
  screen_.print(fmt::format("{} {} has been running{}{}\n", paint_err_(Ink::kNotice, "slow:"),
                            cells_.fit_end(incident.test_id, kMaxShownId).text, time, where));
}

// Progress.

/// Shows it soon, but not more often than one can read it.
void HumanOutput::progressed() {
  if (progressed_ || !has_status_line_) return;
  progressed_ = true;
  progress_timer_.start(std::max(shown_at_ + kRedrawInterval - now(loop_), subunit::Time(0)));
}

void HumanOutput::show_progress() {
  if (!has_status_line_) {
    screen_.print(progress(kReportColumns) + "\n");
    return progress_timer_.start(kReportInterval);
  }
  // While failures are on their way to what may be the same terminal, it would end up among them.
  const bool may_draw = out_.queued() == 0;
  // The last column stays free: writing there makes some terminals wrap.
  if (may_draw) screen_.show_status(progress(screen_.columns() - 1));
  progressed_ = false;
  shown_at_ = now(loop_);
  const auto until_next_second = seconds(1) - elapsed() % seconds(1);
  progress_timer_.start(may_draw ? until_next_second : kRedrawInterval);
}

std::string HumanOutput::progress(std::size_t columns) const {
  Progress progress{.expected = expected_,
                    .failed = view_.ledger.failures(),
                    .now = now(loop_),
                    .elapsed = elapsed(),
                    .left = view_.time_left()};
  for (int status = static_cast<int>(Status::kSuccess);
       status <= static_cast<int>(Status::kExpectedFailure); ++status)
    progress.ended += view_.ledger.count(static_cast<Status>(status));
  return progress_line(progress, running_, columns, cells_, paint_err_);
}

// What stays.

void HumanOutput::print_failures() {
  if (failures_.empty()) return;
  screen_.show_status("");
  out_.send(subunit::as_bytes(failures_));
  failures_.clear();
}

void HumanOutput::finish(bool completed) {
  progress_timer_.stop();
  resized_.reset();
  screen_.show_status("");
  print_failures();
  if (!completed || view_.ledger.failures() > 0) {
    const std::string outside = open_[""].text();
    if (!outside.empty())
      out_.send(subunit::as_bytes(fmt::format("{}outside of tests:\n{}{}", kRule, kRule, outside)));
  }
  out_.send(subunit::as_bytes(summary(completed)));
}

std::string HumanOutput::summary(bool completed) const {
  const subunit::verdict::Ledger& ledger = view_.ledger;
  const std::size_t passed =
      ledger.count(Status::kSuccess) + ledger.count(Status::kExpectedFailure);
  const std::size_t skipped = ledger.count(Status::kSkip);
  const std::size_t ran = passed + skipped + ledger.failures();
  std::string text = fmt::format("{} test{}: {} passed, {} failed, {} skipped in {:.1f} s", ran,
                                 ran == 1 ? "" : "s", passed, ledger.failures(), skipped,
                                 std::chrono::duration<double>(elapsed()).count());
  if (servers_lost_ > 0)
    text +=
        fmt::format("; {} server{} lost", servers_lost_, servers_lost_ == 1 ? " was" : "s were");
  if (!completed) text += "; the run was not completed";
  const bool good = completed && ledger.failures() == 0;
  return paint_out_(good ? Ink::kGood : Ink::kBad, text) + "\n";
}

}  // namespace proxy
