#include "common/report/html/html_report.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <utility>

#include "common/base/text.h"
#include "common/report/html/json_text.h"
#include "common/report/html/page.h"
#include "common/run/tags.h"

namespace subunit::report {

using run::Incident;

namespace {

// A browser reads one of these when a test is opened.
constexpr std::size_t kTextElement = 256 << 10;
constexpr std::size_t kPiece = 64 << 10;
constexpr std::size_t kMaxTags = 1000;
constexpr std::size_t kMaxWhy = 300;
constexpr std::size_t kMaxIncident = 4 << 10;
constexpr std::size_t kMaxOutside = 256 << 10;  // of one server
constexpr std::string_view kDataElement = "<script type=\"application/json\" id=\"";
constexpr std::string_view kElementEnd = "</script>\n";

using Outcome = HtmlReport::Outcome;

Outcome outcome_of_failure(Status status, std::string_view why) {
  if (why == run::kNotRunTag) return Outcome::kNotRun;
  if (why == run::kCrashedTag) return Outcome::kCrashed;
  if (why == run::kTimedOutTag) return Outcome::kTimedOut;
  return status == Status::kUnexpectedSuccess ? Outcome::kUnexpectedSuccess : Outcome::kFailed;
}

Outcome outcome_of(const EndedTest& test) {
  const EndedTest::Attempt& last = test.last();
  if (is_failure(last.status) || last.why == run::kNotRunTag)
    return outcome_of_failure(last.status, last.why);
  if (last.status == Status::kSkip) return Outcome::kSkipped;
  if (test.is_flaky()) return Outcome::kFlaky;
  return last.status == Status::kExpectedFailure ? Outcome::kExpectedFailure : Outcome::kPassed;
}

/// A line about what a test that has not passed has to say.
std::string why_of(const EndedTest& test) {
  const EndedTest::Attempt& shown = is_failure(test.status()) ? test.last() : test.attempts.front();
  if (is_failure(shown.status))
    return failure_of(test.id, shown.status, shown.why, shown.files).message;
  return test.status() == Status::kSuccess ? "" : reason_of(test.last().files);
}

/// Whole files, as long as there is room; the last one is cut at its beginning.
void append_files(std::string& json, const Texts& files, std::size_t most) {
  json += '[';
  bool is_first = true;
  for (const Attachments::Text& file : files) {
    if (!std::exchange(is_first, false)) json += ',';
    std::string_view text = file.text;
    const std::size_t left_out = text.size() - std::min(text.size(), most);
    text.remove_prefix(left_out);
    most -= text.size();
    json += '[';
    append_json(json, file.name);
    json += ',';
    append_json(
        json, left_out > 0 ? fmt::format("[... {} bytes left out ...]\n{}", left_out, text) : text);
    json += file.is_text ? "]" : ",0]";
  }
  json += ']';
}

/// In the order of the attempts.
std::string texts_of(const EndedTest& test, std::size_t most) {
  std::string json = "[";
  for (const EndedTest::Attempt& attempt : test.attempts) {
    if (json.size() > 1) json += ',';
    append_files(json, attempt.files, most);
  }
  return json + "]";
}

/// Some cells of a row, each after a comma. A row has many short ones: they are put together here,
/// and appended to the row as one.
class Numbers {
 public:
  Numbers& add(std::optional<std::uint64_t> number) {
    *end_++ = ',';
    return number ? digits(*number) : put("null");
  }

  /// In milliseconds, to the microsecond: a short test is shown as what it is.
  Numbers& add_time(std::optional<Time> time) {
    if (!time) return add(std::nullopt);
    const auto micros = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(std::max(*time, Time(0))).count());
    add(micros / 1000);
    const std::uint64_t rest = micros % 1000;
    if (rest == 0) return *this;
    return put(rest < 10 ? ".00" : rest < 100 ? ".0" : ".").digits(rest);
  }

  [[nodiscard]] std::string_view text() const { return {text_.data(), end_}; }

 private:
  static constexpr std::size_t kMost = 4;               // cells
  static constexpr std::size_t kCell = 1 + 20 + 1 + 3;  // the comma, a number, three decimals

  Numbers& put(std::string_view text) {
    end_ = std::ranges::copy(text, end_).out;
    return *this;
  }
  Numbers& digits(std::uint64_t number) {
    end_ = std::to_chars(end_, text_.data() + text_.size(), number).ptr;
    return *this;
  }

  std::array<char, kMost * kCell> text_;
  char* end_ = text_.data();
};

}  // namespace

HtmlReport::HtmlReport(Options options, const run::View& view, Time start)
    : options_(std::move(options)), view_(view), start_(start), records_(view) {}

void HtmlReport::packet(const Packet& packet, std::optional<run::WorkerNumber> worker, Time now) {
  const auto test = records_.packet(packet, worker, now);
  // The page says at its top what kRunTest says.
  if (test && test->id != run::kRunTest) add(*test, packet);
}

void HtmlReport::happened(const Incident& incident, Time now) {
  const bool is_bad = incident.kind == Incident::Kind::kGone ||
                      incident.kind == Incident::Kind::kTrouble ||
                      incident.kind == Incident::Kind::kError;
  if (!is_bad && incident.kind != Incident::Kind::kNotice) return;
  if (incident.text.empty() || ++incident_count_ > kMaxIncidents) return;
  see(incident.worker);
  incidents_ += incidents_.empty() ? "[" : ",[";
  incidents_ += std::to_string(
      std::chrono::duration_cast<std::chrono::milliseconds>(std::max(now - start_, Time(0)))
          .count());
  incidents_ += Numbers().add(incident.worker).text();
  incidents_ += ',';
  append_json(incidents_, incident.text.substr(0, kMaxIncident));
  incidents_ += ']';
}

void HtmlReport::see(std::optional<run::WorkerNumber> worker) {
  if (worker && !workers_.contains(*worker)) workers_.emplace(*worker, view_.channel_of(*worker));
}

void HtmlReport::add(const EndedTest& test, const Packet& packet) {
  if (size_of_rows_ > kMaxRows) {
    ++left_out_;
    return;
  }
  see(test.worker);
  if (rows_.empty() || rows_.back().size() > kPiece) rows_.emplace_back().reserve(kPiece * 2);
  std::string& rows = rows_.back();
  const std::size_t before = rows.size();
  if (row_count_ > 0) rows += ",\n";
  append_row(rows, test, packet);
  size_of_rows_ += rows.size() - before;
  ++row_count_;
}

void HtmlReport::append_row(std::string& rows, const EndedTest& test, const Packet& packet) {
  rows += '[';
  append_json(rows, test.id);
  rows += Numbers()
              .add(static_cast<std::uint64_t>(outcome_of(test)))
              .add(test.worker)
              .add_time(test.began ? std::optional(*test.began - start_) : std::nullopt)
              .add_time(test.last().took)
              .text();
  if (const std::string why = why_of(test); why.empty()) {
    rows += ",0";
  } else {
    rows += ',';
    append_json(rows, shortened(why, kMaxWhy));
  }
  append_tags(rows, packet);
  rows += is_new(test) ? ",1," : ",0,";
  rows += place_of_texts(test);
  append_attempts(rows, test);
  rows += ']';
}

void HtmlReport::append_attempts(std::string& rows, const EndedTest& test) {
  if (test.attempts.size() < 2) return;
  rows += ",[";
  for (std::size_t i = 0; i + 1 < test.attempts.size(); ++i) {
    const EndedTest::Attempt& attempt = test.attempts[i];
    see(attempt.worker);
    fmt::format_to(std::back_inserter(rows), "{}{}", i == 0 ? "[" : ",[",
                   static_cast<int>(outcome_of_failure(attempt.status, attempt.why)));
    rows += Numbers()
                .add(attempt.worker)
                .add_time(attempt.began ? std::optional(*attempt.began - start_) : std::nullopt)
                .add_time(attempt.took)
                .text();
    rows += ']';
  }
  rows += ']';
}

/// Those of the test's own: the worker and how it ended are told otherwise.
void HtmlReport::append_tags(std::string& rows, const Packet& packet) {
  std::string places;
  for (const std::string_view tag : packet.tags) {
    const bool is_ours = tag.starts_with("worker-") || tag == run::kFlakyTag ||
                         tag == run::kNotRunTag || tag == run::kCrashedTag ||
                         tag == run::kTimedOutTag;
    auto found = tags_.find(tag);
    if (is_ours || (found == tags_.end() && tags_.size() == kMaxTags)) continue;
    if (found == tags_.end()) found = tags_.emplace(tag, tags_.size()).first;
    fmt::format_to(std::back_inserter(places), "{}{}", places.empty() ? "" : ",", found->second);
  }
  if (places.empty()) {
    rows += ",0";
  } else {
    fmt::format_to(std::back_inserter(rows), ",[{}]", places);
  }
}

bool HtmlReport::is_new(const EndedTest& test) const {
  if (!options_.history) return false;
  const bool had_failed = options_.history->failed().contains(test.id);
  if (is_failure(test.status())) return !had_failed;
  return !had_failed && !options_.history->of(test.id);
}

/// Keeps them, if there is room, and returns what the row says of it.
std::string HtmlReport::place_of_texts(const EndedTest& test) {
  const bool has_passed = !is_failure(test.status()) && test.attempts.size() == 1;
  if (has_passed) ++passed_;
  const bool is_empty =
      std::ranges::all_of(test.attempts, [](const auto& each) { return each.files.empty(); });
  if (is_empty) return "null";
  const std::string texts = texts_of(test, has_passed ? kMaxPassedText : std::string::npos);
  if (!has_room(test, texts.size())) return "-1";
  if (texts_.empty() || texts_.back().size() > kTextElement) texts_.emplace_back();
  std::string& element = texts_.back();
  fmt::format_to(std::back_inserter(element), "{}\"{}\":{}", element.empty() ? "" : ",\n",
                 row_count_, texts);
  return std::to_string(texts_.size() - 1);
}

bool HtmlReport::has_room(const EndedTest& test, std::size_t size) {
  const bool has_passed = !is_failure(test.status()) && test.attempts.size() == 1;
  std::size_t& used = has_passed ? text_of_passed_ : text_of_failed_;
  const std::size_t most = has_passed ? kFreeText + kTextOfPassed * passed_ : kMaxTextOfFailed;
  if (used + size > most) return false;
  used += size;
  return true;
}

void HtmlReport::append_outside(std::string& json) const {
  bool is_first = true;
  for (const auto& [worker, attachments] : records_.outside()) {
    json += std::exchange(is_first, false) ? "[" : ",[";
    json += worker ? std::to_string(*worker) : "null";
    json += ',';
    append_files(json, attachments.texts(), kMaxOutside);
    json += ']';
  }
}

std::string HtmlReport::head_of_run(bool completed, Time now) const {
  const auto milliseconds = [](Time time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
  };
  const Time since_epoch =
      std::chrono::seconds(options_.start.seconds) + Time(options_.start.nanoseconds);
  std::string json = "{\"name\":";
  append_json(json, options_.name);
  fmt::format_to(std::back_inserter(json), ",\"completed\":{},\"start\":{},\"took\":{}", completed,
                 milliseconds(since_epoch), milliseconds(now - start_));
  json += ",\"problem\":";
  append_json(json, view_.problem());
  json += ",\"again\":[";
  append_json(json, options_.again_before);
  json += ',';
  append_json(json, options_.again_after);
  fmt::format_to(std::back_inserter(json),
                 "],\"history\":{},\"left_out\":{},\"failed\":{},\"more_incidents\":{}",
                 options_.history != nullptr, left_out_, view_.ledger().failures() > 0,
                 incident_count_ - std::min(incident_count_, kMaxIncidents));
  json += ",\"workers\":[";
  for (const auto& [worker, channel] : workers_) {
    if (json.back() != '[') json += ',';
    fmt::format_to(std::back_inserter(json), "[{},", worker);
    append_json(json, channel);
    json += ']';
  }
  json += "],\"channels\":[";
  for (const std::string& name :
       view_.on_each_channel() ? view_.channel_names() : std::vector<std::string>()) {
    if (json.back() != '[') json += ',';
    append_json(json, name);
  }
  std::vector<std::string_view> tags(tags_.size());
  for (const auto& [tag, place] : tags_) tags[place] = tag;
  json += "],\"tags\":[";
  for (const std::string_view tag : tags) {
    if (json.back() != '[') json += ',';
    append_json(json, tag);
  }
  json += "],\"incidents\":[" + incidents_ + "],\"outside\":[";
  append_outside(json);
  return json + "],\"tests\":[\n";
}

void HtmlReport::finish(bool completed, Time now) {
  for (const auto& [worker, _] : records_.outside()) see(worker);
  output_.emplace_back(kPageTail);
  for (std::size_t number = texts_.size(); number-- > 0;) {
    output_.push_back(fmt::format("}}{}", kElementEnd));
    output_.push_back(std::move(texts_[number]));
    output_.push_back(fmt::format("{}texts-{}\">{{", kDataElement, number));
  }
  output_.push_back(fmt::format("]}}{}", kElementEnd));
  std::move(rows_.rbegin(), rows_.rend(), std::back_inserter(output_));
  output_.push_back(fmt::format("{}run\">{}", kDataElement, head_of_run(completed, now)));
  output_.emplace_back(kPageHead);
}

std::string_view HtmlReport::pending_output() {
  while (!output_.empty() && output_.back().empty()) output_.pop_back();
  return output_.empty() ? std::string_view() : output_.back();
}

void HtmlReport::consume_output() {
  if (!output_.empty()) output_.pop_back();
}

}  // namespace subunit::report
