#include "proxy/client/human_output.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "common/base/escape.h"

namespace proxy {

using std::chrono::milliseconds;
using subunit::Status;

namespace {

constexpr auto kProgressInterval = milliseconds(100);  // as often as one can read it
constexpr std::size_t kDefaultColumns = 80;
constexpr std::string_view kRule =
    "----------------------------------------------------------------------\n";

std::size_t terminal_columns() {
  winsize size{};
  return ::ioctl(2, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kDefaultColumns;
}

void write_stderr(std::string_view text) {
  // Progress that cannot be shown is not worth a word.
  [[maybe_unused]] const auto written = ::write(2, text.data(), text.size());
}

}  // namespace

HumanOutput::HumanOutput(Writer& out, const RunView& view, uv_loop_t& loop)
    : out_(out),
      ledger_(view.ledger),
      loop_(loop),
      started_(now(loop)),
      progress_wanted_(::isatty(2)),
      progress_timer_(loop, [this] { draw_progress(); }) {
  if (progress_wanted_) progress_timer_.start(kProgressInterval);
}

void HumanOutput::expect(std::size_t tests) {
  expected_ = tests;
}

void HumanOutput::packet(const subunit::Packet& packet, std::optional<WorkerNumber>) {
  const std::string id(packet.test_id.value_or(""));
  if (packet.file) open_[id].add(packet);
  if (packet.test_id && is_final(packet.status)) end_test(packet);
}

void HumanOutput::end_test(const subunit::Packet& packet) {
  const auto found = open_.find(std::string(*packet.test_id));
  if (is_failure(packet.status)) {
    failures_ += fmt::format("{}{}: {}\n{}", kRule,
                             packet.status == Status::kFail ? "FAIL" : "UNEXPECTED SUCCESS",
                             subunit::escaped(*packet.test_id, SIZE_MAX), kRule);
    if (found != open_.end()) failures_ += found->second.text();
    failures_ += '\n';
    if (failures_.size() > kMaxKept) print_failures();
  }
  if (found != open_.end()) open_.erase(found);
}

void HumanOutput::happened(const Incident&) {}

void HumanOutput::flush() {}

double HumanOutput::elapsed() const {
  return std::chrono::duration<double>(now(loop_) - started_).count();
}

void HumanOutput::draw_progress() {
  std::size_t ended = 0;
  for (int status = static_cast<int>(Status::kSuccess);
       status <= static_cast<int>(Status::kExpectedFailure); ++status)
    ended += ledger_.count(static_cast<Status>(status));
  std::string line = fmt::format("{}", ended);
  if (expected_ > 0) line += fmt::format("/{}", expected_);
  line += fmt::format(", {} failed, {:.0f} s", ledger_.failures(), elapsed());
  if (!ledger_.in_progress().empty())
    line += "  " + subunit::escaped(ledger_.in_progress().front(), SIZE_MAX);
  // The last column stays free: writing there makes some terminals wrap.
  write_stderr("\r" + line.substr(0, terminal_columns() - 1) + "\x1b[K");
  progress_drawn_ = true;
  progress_timer_.start(kProgressInterval);
}

void HumanOutput::erase_progress() {
  if (progress_drawn_) write_stderr("\r\x1b[K");
  progress_drawn_ = false;
}

void HumanOutput::print_failures() {
  erase_progress();
  out_.send(subunit::as_bytes(failures_));
  failures_.clear();
}

void HumanOutput::finish(bool completed) {
  progress_timer_.stop();
  print_failures();
  if (!completed || ledger_.failures() > 0) {
    const std::string outside = open_[""].text();
    if (!outside.empty())
      out_.send(subunit::as_bytes(fmt::format("{}outside of tests:\n{}{}", kRule, kRule, outside)));
  }
  out_.send(subunit::as_bytes(summary(completed)));
}

std::string HumanOutput::summary(bool completed) const {
  const std::size_t passed =
      ledger_.count(Status::kSuccess) + ledger_.count(Status::kExpectedFailure);
  const std::size_t skipped = ledger_.count(Status::kSkip);
  return fmt::format("{} test{}: {} passed, {} failed, {} skipped in {:.1f} s{}\n",
                     passed + skipped + ledger_.failures(),
                     passed + skipped + ledger_.failures() == 1 ? "" : "s", passed,
                     ledger_.failures(), skipped, elapsed(),
                     completed ? "" : "; the run was not completed");
}

}  // namespace proxy
