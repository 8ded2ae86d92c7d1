#include "common/report/ci/github.h"

#include <fmt/core.h>

#include <algorithm>
#include <functional>

#include "common/base/text.h"
#include "common/run/tags.h"

namespace subunit::report {

using run::Incident;

namespace {

constexpr std::size_t kMaxTitle = 200;        // bytes of a test id
constexpr std::size_t kMaxDetails = 8 << 10;  // of a failure in the summary: several screens
constexpr std::size_t kMaxFlaky = 50;
constexpr std::size_t kMaxSlowest = 10;
constexpr Time kMinSlow = std::chrono::milliseconds(100);  // nobody minds less
constexpr std::size_t kMaxProblem = 1000;

bool is_visible_ascii(char c) {
  return c > 0x20 && c < 0x7F;
}

// Workflow commands.

std::string command_data(std::string_view text) {
  std::string data;
  for (const char c : harmless(text)) {
    if (c == '%')
      data += "%25";
    else if (c == '\n')
      data += "%0A";
    else if (c == '\r')
      data += "%0D";
    else
      data += c;
  }
  return data;
}

std::string command_property(std::string_view text) {
  std::string property;
  for (const char c : command_data(text)) {
    if (c == ':')
      property += "%3A";
    else if (c == ',')
      property += "%2C";
    else
      property += c;
  }
  return property;
}

// Markdown. A line that begins with a tag of a table or of <details> is HTML up to the next empty
// line, and nothing in it is Markdown. So each element is one line.

std::string html(std::string_view text) {
  std::string escaped;
  for (const char c : harmless(text)) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\n':
        escaped += "&#10;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

/// GitHub makes no links of names and numbers in it.
std::string code(std::string_view text) {
  return "<code>" + html(text) + "</code>";
}

/// The beginning and, mostly, the end, with whole characters.
std::string shortened_middle(std::string_view text) {
  if (text.size() <= kMaxDetails) return std::string(text);
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; };
  std::size_t head = kMaxDetails / 4;
  while (head > 0 && continues(text[head])) --head;
  std::size_t tail = text.size() - kMaxDetails * 3 / 4;
  while (tail < text.size() && continues(text[tail])) ++tail;
  return fmt::format("{}\n[... {} bytes left out ...]\n{}", text.substr(0, head), tail - head,
                     text.substr(tail));
}

std::string plural(std::size_t count, std::string_view thing) {
  return fmt::format("{} {}{}", count, thing, count == 1 ? "" : "s");
}

std::string in_seconds(Time time) {
  return fmt::format("{:.2f} s", std::chrono::duration<double>(time).count());
}

std::string text_of(const SourcePlace& place) {
  return fmt::format("{}:{}", place.file, place.line);
}

std::string table(std::string_view title, std::string_view columns,
                  const std::vector<std::string>& rows) {
  if (rows.empty()) return "";
  std::string text = fmt::format("\n### {}\n\n<table>\n<tr>{}</tr>\n", title, columns);
  for (const std::string& row : rows) text += row;
  return text + "</table>\n";
}

}  // namespace

std::string without_commands(std::string_view lines) {
  std::string out;
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    std::string line(lines.substr(0, end == std::string_view::npos ? end : end + 1));
    lines.remove_prefix(line.size());
    for (std::size_t at = 0; (at = line.find("##[", at)) != std::string::npos;)
      line.replace(at, 1, "\\x23");
    // There are blanks other than those of ASCII.
    const auto first = std::ranges::find_if(line, is_visible_ascii);
    const auto at = static_cast<std::size_t>(first - line.begin());
    if (line.compare(at, 2, "::") == 0) line.replace(at, 1, "\\x3a");
    out += line;
  }
  return out;
}

GithubReport::GithubReport(std::string folder, std::shared_ptr<const SourcePlaces> places,
                           const run::View& view, Time start)
    : folder_(std::move(folder)),
      places_(std::move(places)),
      view_(view),
      start_(start),
      records_(view) {}

void GithubReport::packet(const Packet& packet, std::optional<run::WorkerNumber> worker, Time now) {
  const auto test = records_.packet(packet, worker, now);
  if (!test) return;
  if (test->id == run::kRunTest) {
    ++(is_failure(test->status()) ? runs_failed_ : runs_passed_);
    return;
  }
  if (is_failure(test->status())) add_failure(*test);
  if (test->is_flaky()) add_flaky(*test);
  add_slow(*test);
}

void GithubReport::happened(const Incident& incident, Time) {
  if (incident.kind == Incident::Kind::kTrouble || incident.kind == Incident::Kind::kError)
    last_problem_ = shortened(incident.text, kMaxProblem);
}

void GithubReport::finish(bool completed, Time now) {
  took_ = now - start_;
  if (completed) return;
  problem_ = view_.problem().empty() ? last_problem_ : shortened(view_.problem(), kMaxProblem);
  if (problem_.empty()) problem_ = "no reason is known";
}

void GithubReport::add_failure(const EndedTest& test) {
  ++failures_;
  const EndedTest::Attempt& attempt = test.last();
  const bool wants_annotation = placed_.size() < kMaxAnnotations;
  const bool wants_row = rows_size_ < kMaxSummary;
  if (!wants_annotation && !wants_row) return;
  const Failure failure = failure_of(test.id, attempt.status, attempt.why, attempt.files);
  const std::string details = printed_of(attempt.files).details;
  const auto place = places_->find(details);
  annotate(test.id, failure, place);
  if (!wants_row) return;
  const std::string shown =
      details.empty() ? code(failure.message)
                      : fmt::format("<details><summary>{}</summary><pre>{}</pre></details>",
                                    code(failure.message), html(shortened_middle(details)));
  rows_.push_back(fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td></tr>\n", code(test.id),
                              place ? code(text_of(*place)) : "", shown));
  rows_size_ += rows_.back().size();
}

void GithubReport::add_flaky(const EndedTest& test) {
  if (++flaky_count_ > kMaxFlaky) return;
  const EndedTest::Attempt& first = test.attempts.front();
  const Failure failure = failure_of(test.id, first.status, first.why, first.files);
  flaky_.push_back(fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td></tr>\n", code(test.id),
                               test.attempts.size(), code(failure.message)));
}

void GithubReport::add_slow(const EndedTest& test) {
  const Time took = test.last().took.value_or(Time(0));
  if (took < kMinSlow) return;
  if (slowest_.size() == kMaxSlowest && took <= slowest_.back().took) return;
  const auto place = std::ranges::upper_bound(slowest_, took, std::greater(), &Slow::took);
  slowest_.insert(place, {took, std::string(test.id)});
  if (slowest_.size() > kMaxSlowest) slowest_.pop_back();
}

void GithubReport::annotate(std::string_view id, const Failure& failure,
                            const std::optional<SourcePlace>& place) {
  const bool is_here = place && place->is_here;
  std::string where;
  std::string message = failure.message;
  if (is_here) {
    const std::string file = folder_.empty() ? place->file : folder_ + "/" + place->file;
    where = fmt::format("file={},line={},", command_property(file), place->line);
  } else if (place) {
    message += fmt::format(" ({})", text_of(*place));
  }
  auto& annotations = is_here ? placed_ : unplaced_;
  const auto same = std::ranges::find_if(annotations, [&](const Annotation& each) {
    return each.where == where && each.message == message;
  });
  if (same != annotations.end()) {
    ++same->times;
  } else if (annotations.size() < kMaxAnnotations) {
    annotations.push_back({std::string(id), std::move(where), std::move(message), 1});
  }
}

std::string GithubReport::annotations() const {
  std::string lines;
  std::size_t count = 0;
  std::size_t told = 0;  // failures
  if (!problem_.empty()) {
    lines += fmt::format("::error title=the run was not completed::{}\n", command_data(problem_));
    ++count;
  }
  for (const auto* some : {&placed_, &unplaced_}) {
    for (const Annotation& each : *some) {
      if (count == kMaxAnnotations) break;
      std::string title = shortened(each.id, kMaxTitle);
      if (each.times > 1) title += fmt::format(" and {} more", each.times - 1);
      lines += fmt::format("::error {}title={}::{}\n", each.where, command_property(title),
                           command_data(each.message));
      ++count;
      told += each.times;
    }
  }
  if (failures_ > told)
    lines += fmt::format("subunit-proxy: {} more: GitHub shows no more than {} errors of a step\n",
                         plural(failures_ - told, "failure"), kMaxAnnotations);
  return lines;
}

std::string GithubReport::summary(std::size_t most) const {
  const std::string above = head();
  const std::string below = tail();
  constexpr std::string_view kTable =
      "\n### Failures\n\n<table>\n<tr><th>test</th><th>place</th><th>failure</th></tr>\n";
  constexpr std::string_view kEnd = "</table>\n";
  constexpr std::size_t kCount = 100;  // of failures that are left out, in words
  const std::size_t taken = above.size() + below.size() + kTable.size() + kEnd.size() + kCount;
  if (taken > most) return above.size() <= most ? above : "";

  std::string rows;
  std::size_t shown = 0;
  while (shown < rows_.size() && taken + rows.size() + rows_[shown].size() <= most)
    rows += rows_[shown++];
  std::string text = above;
  if (shown > 0) text.append(kTable).append(rows).append(kEnd);
  if (shown < failures_)
    text += fmt::format("\n{} {} no room here.\n", plural(failures_ - shown, "more failure"),
                        failures_ - shown == 1 ? "has" : "have");
  return text + below;
}

std::string GithubReport::head() const {
  const verdict::Ledger& ledger = view_.ledger();
  const bool is_complete = problem_.empty();
  // Those that did not run were skipped in a run that was to end early, and have failed in one that
  // could not be completed.
  const std::size_t not_run = view_.tally().not_run;
  const std::size_t passed =
      ledger.count(Status::kSuccess) + ledger.count(Status::kExpectedFailure) - runs_passed_;
  const std::size_t failed = ledger.failures() - runs_failed_ - (is_complete ? 0 : not_run);
  const std::size_t skipped = ledger.count(Status::kSkip) - (is_complete ? not_run : 0);
  const std::size_t ran = passed + failed + skipped;
  std::string text = fmt::format(
      "## {}{}\n\n| tests | passed | failed | skipped | not run | flaky | time |\n"
      "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n| {} | {} | {} | {} | {} | {} | {} |\n",
      failed > 0 ? fmt::format("{} of {} failed", failed, plural(ran, "test"))
                 : fmt::format("{} passed", plural(passed, "test")),
      not_run > 0 ? fmt::format(", {} not run", not_run) : "", ran + not_run, passed, failed,
      skipped, not_run, flaky_count_, in_seconds(took_));
  if (!problem_.empty())
    text += fmt::format("\n<p>The run was not completed: {}</p>\n", code(problem_));
  return text;
}

std::string GithubReport::tail() const {
  std::string text =
      table("Flaky tests", "<th>test</th><th>attempts</th><th>first failure</th>", flaky_);
  if (flaky_count_ > flaky_.size())
    text += fmt::format("\n{} left out here.\n",
                        plural(flaky_count_ - flaky_.size(), "more flaky test"));
  std::vector<std::string> rows;
  for (const Slow& slow : slowest_)
    rows.push_back(fmt::format("<tr><td>{}</td><td align=\"right\">{}</td></tr>\n", code(slow.id),
                               in_seconds(slow.took)));
  return text + table("Slowest tests", "<th>test</th><th>time</th>", rows);
}

}  // namespace subunit::report
