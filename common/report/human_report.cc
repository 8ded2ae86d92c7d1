#include "common/report/human_report.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/base/text.h"
#include "common/report/status_line.h"
#include "common/run/tags.h"

namespace subunit::report {

using run::Incident;
using std::chrono::seconds;

namespace {

constexpr std::size_t kReportColumns = 100;
constexpr std::size_t kLastLines = 3;
constexpr std::size_t kMaxShownId = 200;  // columns, in a line that stays
constexpr std::size_t kEntry = 100;       // bytes that a test costs, its attachments aside
constexpr std::string_view kRule =
    "----------------------------------------------------------------------\n";

/// Nothing if there are none.
std::string number_of(std::string_view before, std::size_t number, std::string_view after) {
  return number == 0 ? "" : fmt::format("{}{}{}", before, number, after);
}

/// "1:05".
std::string clock(Time time) {
  const auto whole = std::chrono::duration_cast<seconds>(time).count();
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

/// Of what a test has printed, the last few lines of each stream, indented.
std::string last_lines(const Attachments& attachments) {
  std::string lines;
  for (const Attachments::Text& file : attachments.texts()) {
    if (!file.is_text) continue;
    std::string_view text = file.text;
    if (text.ends_with('\n')) text.remove_suffix(1);
    std::size_t begin = text.size();
    for (std::size_t i = 0; i < kLastLines && begin != text.npos; ++i)
      begin = begin == 0 ? text.npos : text.rfind('\n', begin - 1);
    if (begin != text.npos) text.remove_prefix(begin + 1);
    for (std::size_t end = 0; !text.empty(); text.remove_prefix(std::min(text.size(), end + 1))) {
      end = std::min(text.find('\n'), text.size());
      lines += fmt::format("    {}: {}\n", escaped(file.name), harmless(text.substr(0, end)));
    }
  }
  return lines;
}

}  // namespace

HumanReport::HumanReport(const Place& place, const run::View& view, Time now)
    : view_(view),
      has_status_line_(place.has_status_line),
      full_tracebacks_(place.full_tracebacks),
      style_out_(place.colored_stdout),
      style_err_(place.colored_stderr),
      cells_(place.locale),
      started_(now),
      shown_at_(now),
      due_(now + (has_status_line_ ? kRedrawInterval : kReportInterval)) {
  if (!place.live) return;
  live_.emplace(cells_, [this](std::optional<run::WorkerNumber> worker) {
    return at_several_sites() ? where_of(worker) : "";
  });
}

void HumanReport::expect(std::size_t tests) {
  expected_ += tests;
  progressed_ = true;
}

void HumanReport::packet(const Packet& packet, std::optional<run::WorkerNumber> worker, Time now) {
  if (live_) output_ += live_->packet(packet, worker);
  if (packet.file) keep(packet, worker);
  if (!packet.test_id) return;
  if (is_final(packet.status)) end_test(packet, worker, now);
  progressed_ |= packet.status == Status::kInProgress || is_final(packet.status);
}

/// A server may attach to any number of tests, and end none of them.
void HumanReport::keep(const Packet& packet, std::optional<run::WorkerNumber> worker) {
  const std::string_view id = packet.test_id.value_or("");
  const std::size_t site = view_.site_of(packet, worker);
  Attachments* attachments = packet.test_id ? open_.find(id, site) : &outside_;
  const bool is_full = kept_ > kMaxOpenBytes;
  if (is_full) return attachments ? attachments->leave_out() : void();
  if (!attachments) {
    attachments = &open_.add(id, site);
    kept_ += kEntry + id.size();
  }
  kept_ -= attachments->kept();
  attachments->add(packet);
  kept_ += attachments->kept();
}

void HumanReport::end_test(const Packet& packet, std::optional<run::WorkerNumber> worker,
                           Time now) {
  if (*packet.test_id == run::kRunTest) {
    runs_failed_ += is_failure(packet.status);
    return;
  }
  const std::string_view id = *packet.test_id;
  const Attachments* const attachments = open_.take(id, view_.site_of(packet, worker));
  // Where a run that cannot go on leaves out a thousand tests, that is said once.
  const bool not_run = !worker && run::has_tag(packet, run::kNotRunTag);
  const auto since = worker ? view_.running().since(id, worker) : std::nullopt;
  roll_call_.ended(packet, where_of(worker), since ? std::optional(now - *since) : std::nullopt);
  if (is_failure(packet.status) && !not_run) {
    output_ += fmt::format(
        "{}{}: {}{}\n{}", kRule,
        style_out_(Color::kRed, packet.status == Status::kFail ? "FAIL" : "UNEXPECTED SUCCESS"),
        escaped(id, SIZE_MAX), copy_of(packet, worker), kRule);
    if (attachments) output_ += attachments->text(full_tracebacks_);
    output_ += '\n';
  }
  if (attachments) kept_ -= attachments->kept() + kEntry + id.size();
}

void HumanReport::happened(const Incident& incident, Time now) {
  if (incident.kind == Incident::Kind::kSlow) lines_ += slow_line(incident, now);
  if (incident.kind != Incident::Kind::kGone) return;
  ++servers_lost_;
  progressed_ = true;
}

void HumanReport::attempted(const run::Attempt& attempt) {
  if (live_) output_ += live_->attempted(attempt.test_id, attempt.worker);
  roll_call_.attempted(attempt);
}

/// Where it is one of several that have the same id, that tells them apart.
std::string HumanReport::where_of(std::optional<run::WorkerNumber> worker) const {
  if (!worker) return "";
  return view_.on_each_channel() ? fmt::format("channel-{}", view_.site_of(worker))
                                 : fmt::format("worker-{}", *worker);
}

bool HumanReport::at_several_sites() const {
  return view_.site_of(std::nullopt) == run::View::kAnySite;
}

/// " (round 3)" of a run that repeats its tests, " (channel-1: ssh board)" of one that has each on
/// each channel, " (round 3, worker-1)" of a test under stress.
std::string HumanReport::copy_of(const Packet& packet,
                                 std::optional<run::WorkerNumber> worker) const {
  std::string text;
  const auto add = [&text](const std::string& part) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", part);
  };
  if (const std::string_view round = run::number_after(packet, run::kRoundTagPrefix);
      !round.empty())
    add(fmt::format("round {}", round));
  if (const std::string_view channel = run::number_after(packet, run::kChannelTagPrefix);
      !channel.empty() && worker && view_.on_each_channel())
    add(fmt::format("channel-{}: {}", channel, view_.channel_of(*worker)));
  if (worker && at_several_sites() && !view_.on_each_channel()) add(where_of(worker));
  return text.empty() ? "" : fmt::format(" ({})", text);
}

std::string HumanReport::slow_line(const Incident& incident, Time now) const {
  const auto since = view_.running().since(incident.test_id, incident.worker);
  const std::string time =
      since ? fmt::format(" for {} s", std::chrono::duration_cast<seconds>(now - *since).count())
            : "";
  const std::string where = incident.worker ? fmt::format(" on worker-{}", *incident.worker) : "";
  return fmt::format("{} {} has been running{}{}\n", style_err_(Color::kYellow, "slow:"),
                     cells_.fit_end(incident.test_id, kMaxShownId).text, time, where);
}

// Progress.

/// Soon after something has changed, but not more often than one can read it.
std::optional<Time> HumanReport::next_deadline() const {
  if (!due_ || !progressed_ || !has_status_line_) return due_;
  return std::min(*due_, shown_at_ + kRedrawInterval);
}

std::string HumanReport::status_line(std::size_t columns, Time now) {
  progressed_ = false;
  shown_at_ = now;
  if (!due_) return "";
  due_ = now + seconds(1) - (now - started_) % seconds(1);  // the time that it shows changes
  return progress(columns, now);
}

void HumanReport::add_progress_line(Time now) {
  if (!due_) return;
  due_ = now + kReportInterval;
  lines_ += progress(kReportColumns, now) + "\n";
}

std::string HumanReport::progress(std::size_t columns, Time now) const {
  Progress progress{.expected = expected_,
                    .failed = view_.ledger().failures(),
                    .now = now,
                    .elapsed = now - started_,
                    .left = view_.time_left(now),
                    .being_set_up = view_.being_set_up(),
                    .may_be_asking = has_status_line_ && view_.may_be_asking()};
  for (int status = static_cast<int>(Status::kSuccess);
       status <= static_cast<int>(Status::kExpectedFailure); ++status)
    progress.ended += view_.ledger().count(static_cast<Status>(status));
  return report::status_line(progress, view_.running(), columns, cells_, style_err_);
}

// What a person asks for.

void HumanReport::add_running(Time now) {
  output_ += fmt::format("{}after {}:\n", kRule, clock(now - started_));
  for (const auto& [worker, tests] : view_.running().by_worker()) {
    const std::string where = worker ? fmt::format("worker-{}", *worker) : "elsewhere";
    if (tests.empty() && worker) output_ += fmt::format("{}: nothing\n", where);
    for (const run::RunningTest& test : tests) {
      output_ += fmt::format("{}: {} {}\n", where, cells_.fit_end(test.id, kMaxShownId).text,
                             clock(now - test.since));
      if (const Attachments* const found = open_.find(test.id, view_.site_of(worker)))
        output_ += last_lines(*found);
    }
  }
  output_ += kRule;
}

void HumanReport::add_mark(Time now) {
  output_ += fmt::format("{}\n{}", clock(now - started_), kRule);
}

// What stays.

void HumanReport::finish(bool completed, Time now) {
  due_.reset();
  if (live_) output_ += live_->finish();
  if (!completed || view_.ledger().failures() > 0) {
    const std::string outside = outside_.text();
    if (!outside.empty())
      output_ += fmt::format("{}outside of tests:\n{}{}", kRule, kRule, outside);
  }
  const std::string roll_call = roll_call_.text(cells_, style_out_);
  output_ += roll_call + (roll_call.empty() ? "" : "\n") + summary(completed, now);
}

std::string HumanReport::summary(bool completed, Time now) const {
  const verdict::Ledger& ledger = view_.ledger();
  const run::Tally tally = view_.tally();
  const std::size_t passed =
      ledger.count(Status::kSuccess) + ledger.count(Status::kExpectedFailure);
  // Those that did not run were skipped in a run that was to end early, and have failed in one that
  // could not be completed.
  const std::size_t failed = ledger.failures() - runs_failed_ - (completed ? 0 : tally.not_run);
  const std::size_t skipped = ledger.count(Status::kSkip) - (completed ? tally.not_run : 0);
  const std::size_t ran = passed + skipped + failed;
  std::string text =
      fmt::format("{} test{}: {} passed{}, {} failed, {} skipped{} in {:.1f} s", ran,
                  ran == 1 ? "" : "s", passed, number_of(" (", tally.flaky, " flaky)"), failed,
                  skipped, number_of(", ", tally.not_run, " not run"),
                  std::chrono::duration<double>(now - started_).count());
  if (servers_lost_ > 0)
    text +=
        fmt::format("; {} server{} lost", servers_lost_, servers_lost_ == 1 ? " was" : "s were");
  if (!completed) text += "; the run was not completed";
  const bool good = completed && ledger.failures() == 0;
  return style_out_(good ? Color::kGreen : Color::kRed, text) + "\n";
}

}  // namespace subunit::report
