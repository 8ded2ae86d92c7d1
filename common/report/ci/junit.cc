#include "common/report/ci/junit.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "common/report/ci/test_name.h"
#include "common/report/ci/xml_text.h"
#include "common/run/tags.h"

namespace subunit::report {

using run::Incident;

namespace {

constexpr std::size_t kMaxIncidents = 64 << 10;

/// With the three digits that the schema allows.
std::string seconds(Time time) {
  const auto milliseconds = std::chrono::round<std::chrono::milliseconds>(time).count();
  return fmt::format("{}.{:03}", milliseconds / 1000, milliseconds % 1000);
}

/// ISO 8601, in UTC. Most readers of these files take no time zone.
std::string iso_time(Timestamp timestamp, Time later) {
  const Time time = std::chrono::seconds(timestamp.seconds) + Time(timestamp.nanoseconds) + later;
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  const std::time_t clock = whole.count();
  std::tm date{};
  ::gmtime_r(&clock, &date);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}", date.tm_year + 1900,
                     date.tm_mon + 1, date.tm_mday, date.tm_hour, date.tm_min, date.tm_sec,
                     std::chrono::floor<std::chrono::milliseconds>(time - whole).count());
}

/// The beginning and, mostly, the end.
std::string cut(std::string text, std::size_t most) {
  if (text.size() <= most) return text;
  const std::size_t head = most / 4;
  const std::size_t left_out = text.size() - most;
  text.replace(head, left_out, fmt::format("\n[... {} bytes left out ...]\n", left_out));
  return text;
}

void append_why(std::string& xml, std::string_view element, const Failure& failure) {
  xml.append("<").append(element);
  append_attribute(xml, "message", failure.message);
  append_attribute(xml, "type", failure.type);
}

/// `failure` or `error`, with the details as its text.
void append_failure(std::string& xml, const Failure& failure, std::string_view details) {
  const std::string_view element = failure.is_error ? "error" : "failure";
  append_why(xml, element, failure);
  xml += '>';
  append_xml(xml, details);
  xml.append("</").append(element).append(">\n");
}

/// An attempt that was not the one that counts: "rerunFailure", for example.
void append_attempt(std::string& xml, std::string_view kind, const Failure& failure,
                    const Printed& printed) {
  const std::string element = std::string(kind) + (failure.is_error ? "Error" : "Failure");
  append_why(xml, element, failure);
  xml += ">\n<stackTrace>";
  append_xml(xml, printed.details.empty() ? failure.message : printed.details);
  xml += "</stackTrace>\n";
  append_element(xml, "system-out", printed.out);
  append_element(xml, "system-err", printed.err);
  xml += "</" + element + ">\n";
}

/// The reason is its text: not every schema has an attribute for it, and readers take either.
void append_skip(std::string& xml, std::string_view reason) {
  xml += "<skipped>";
  append_xml(xml, reason);
  xml += "</skipped>\n";
}

Failure failure_of(const EndedTest& test, const EndedTest::Attempt& attempt) {
  return report::failure_of(test.id, attempt.status, attempt.why, attempt.files);
}

}  // namespace

JunitReport::JunitReport(Options options, const run::View& view, Time start)
    : options_(std::move(options)), view_(view), start_(start), records_(view) {}

void JunitReport::packet(const Packet& packet, std::optional<run::WorkerNumber> worker, Time now) {
  const auto test = records_.packet(packet, worker, now);
  if (!test) return;
  Suite& suite = suites_[place_of(*test, packet)];
  const Time began = test->began.value_or(now);
  suite.begin = std::min(suite.begin.value_or(began), began);
  suite.end = std::max(suite.end, now);
  add(*test, suite);
}

JunitReport::Place JunitReport::place_of(const EndedTest& test, const Packet& packet) const {
  if (test.worker || !view_.on_each_channel()) return {.worker = test.worker};
  const std::size_t site = view_.site_of(packet, test.worker);
  return site == run::View::kAnySite ? Place() : Place{.channel = site};
}

void JunitReport::happened(const Incident& incident, Time) {
  const bool is_bad = incident.kind == Incident::Kind::kGone ||
                      incident.kind == Incident::Kind::kTrouble ||
                      incident.kind == Incident::Kind::kError;
  if (!is_bad || incident.text.empty()) return;
  last_problem_ = incident.text.substr(0, kMaxIncidents);
  std::string& text = suites_[{.worker = incident.worker}].incidents;
  if (text.size() < kMaxIncidents) text += "subunit-proxy: " + last_problem_ + "\n";
}

void JunitReport::add(const EndedTest& test, Suite& suite) {
  std::vector<Failure> failures;
  for (const EndedTest::Attempt& attempt : test.attempts)
    if (is_failure(attempt.status)) failures.push_back(failure_of(test, attempt));
  const bool has_failed = is_failure(test.status());
  ++suite.counts.tests;
  if (has_failed) {
    ++(failures.front().is_error ? suite.counts.errors : suite.counts.failures);
  } else if (test.status() != Status::kSuccess) {
    ++suite.counts.skipped;
  }
  if (size_ > kMaxSize) {
    ++suite.left_out;
    return;
  }
  std::string body = case_body(test, failures, true);
  std::size_t& used = failures.empty() ? text_of_passed_ : text_of_failed_;
  const std::size_t most = failures.empty() ? kMaxTextOfPassed : kMaxTextOfFailed;
  if (used + body.size() > most) body = case_body(test, failures, false);
  used += body.size();
  std::string text = case_head(test, has_failed ? &failures.front() : nullptr);
  text += body.empty() ? "/>\n" : ">\n" + body + "</testcase>\n";
  size_ += text.size();
  suite.cases += text;
}

/// Up to its ">".
std::string JunitReport::case_head(const EndedTest& test, const Failure* failure) const {
  const TestName name = split_id(test.id);
  std::string xml = "<testcase";
  append_attribute(xml, "classname", name.class_name.empty() ? options_.name : name.class_name);
  append_attribute(xml, "name", name.name);
  if (failure && options_.places) {
    const EndedTest::Attempt& first = test.attempts.front();
    if (const auto place = options_.places->find(printed_of(first.files).details)) {
      append_attribute(xml, "file", place->file);
      append_attribute(xml, "line", std::to_string(place->line));
    }
  }
  append_attribute(xml, "time", seconds(test.last().took.value_or(Time(0))));
  return xml;
}

/// In the order of Surefire's schema. `failures`: of the attempts that have failed.
std::string JunitReport::case_body(const EndedTest& test, const std::vector<Failure>& failures,
                                   bool has_text) const {
  const auto text_of = [has_text](const EndedTest::Attempt& attempt) {
    if (has_text) return printed_of(attempt.files);
    const bool has_printed = !attempt.files.empty();
    return Printed{.details =
                       has_printed ? "[... left out: the report has too much text ...]" : ""};
  };
  const bool has_failed = is_failure(test.status());
  const std::size_t shown = has_failed ? 0 : test.attempts.size() - 1;
  Printed printed = text_of(test.attempts[shown]);

  // The others, by element: the schema wants failures before errors.
  std::array<std::string, 2> others;
  std::size_t failed = has_failed ? 1 : 0;
  for (std::size_t i = 0; i < test.attempts.size(); ++i) {
    const EndedTest::Attempt& attempt = test.attempts[i];
    if (i == shown || !is_failure(attempt.status) || failed == failures.size()) continue;
    const Failure& failure = failures[failed++];
    append_attempt(others[failure.is_error ? 1 : 0], has_failed ? "rerun" : "flaky", failure,
                   text_of(attempt));
  }

  std::string xml;
  if (has_failed && !failures.front().is_error)
    append_failure(xml, failures.front(), printed.details);
  xml += others[0];
  if (test.status() == Status::kSkip) {
    append_skip(xml, reason_of(test.last().files));
  } else if (test.status() == Status::kExpectedFailure) {
    append_skip(xml, "expected failure: " + reason_of(test.last().files) + "\n" + printed.details);
  }
  if (has_failed && failures.front().is_error)
    append_failure(xml, failures.front(), printed.details);
  xml += others[1];
  if (!has_failed) {
    // Other elements have no place for what a test attached.
    if (test.status() == Status::kSuccess && !printed.details.empty())
      printed.out +=
          (printed.out.empty() || printed.out.ends_with('\n') ? "" : "\n") + printed.details;
    printed.out = cut(std::move(printed.out), kMaxPassedText);
    printed.err = cut(std::move(printed.err), kMaxPassedText);
  }
  append_element(xml, "system-out", printed.out);
  append_element(xml, "system-err", printed.err);
  return xml;
}

void JunitReport::add_unfinished_run(Time now) {
  const std::string_view problem = view_.problem().empty() ? last_problem_ : view_.problem();
  EndedTest test;
  test.id = run::kRunTest;
  test.attempts.push_back({.status = Status::kFail,
                           .why = "not-completed",
                           .files = {{.name = "subunit-proxy",
                                      .text = "the run was not completed" +
                                              (problem.empty() ? "" : ": " + std::string(problem)),
                                      .is_text = true}},
                           .took = now - start_});
  Suite& suite = suites_[Place()];
  suite.begin = suite.begin.value_or(start_);
  suite.end = now;
  add(test, suite);
}

void JunitReport::finish(bool completed, Time now) {
  std::size_t errors = 0;
  for (const auto& [_, suite] : suites_) errors += suite.counts.errors;
  if (!completed && errors == 0) add_unfinished_run(now);
  for (const auto& [worker, _] : records_.outside()) suites_[{.worker = worker}];
  if (suites_.empty()) suites_[Place()];

  output_.emplace_back("</testsuites>\n");
  const std::string head = root_head(now);
  for (auto suite = suites_.rbegin(); suite != suites_.rend(); ++suite) {
    output_.push_back(suite_tail(suite->first, suite->second));
    output_.push_back(std::move(suite->second.cases));
    output_.push_back(suite_head(suite->first, suite->second));
  }
  output_.push_back(head);
  suites_.clear();
}

std::string JunitReport::root_head(Time now) const {
  Counts all;
  for (const auto& [_, suite] : suites_) {
    all.tests += suite.counts.tests;
    all.failures += suite.counts.failures;
    all.errors += suite.counts.errors;
  }
  std::string xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites";
  append_attribute(xml, "name", options_.name);
  append_attribute(xml, "time", seconds(now - start_));
  append_attribute(xml, "tests", std::to_string(all.tests));
  append_attribute(xml, "failures", std::to_string(all.failures));
  append_attribute(xml, "errors", std::to_string(all.errors));
  return xml + ">\n";
}

std::string JunitReport::suite_head(const Place& place, const Suite& suite) const {
  const Time begin = suite.begin.value_or(start_);
  std::string xml = "<testsuite";
  append_attribute(xml, "name", options_.name);
  if (place.worker) append_attribute(xml, "id", std::to_string(*place.worker));
  append_attribute(xml, "tests", std::to_string(suite.counts.tests));
  append_attribute(xml, "failures", std::to_string(suite.counts.failures));
  append_attribute(xml, "errors", std::to_string(suite.counts.errors));
  append_attribute(xml, "skipped", std::to_string(suite.counts.skipped));
  append_attribute(xml, "time", seconds(std::max(suite.end - begin, Time(0))));
  append_attribute(xml, "timestamp", iso_time(options_.start, begin - start_));
  if (place.worker) append_attribute(xml, "hostname", fmt::format("worker-{}", *place.worker));
  xml += ">\n";
  std::string channel;
  if (place.worker) channel = view_.channel_of(*place.worker);
  if (place.channel)
    if (const auto names = view_.channel_names(); *place.channel < names.size())
      channel = names[*place.channel];
  if (channel.empty()) return xml;
  xml += "<properties>\n<property name=\"channel\"";
  append_attribute(xml, "value", channel);
  return xml + "/>\n</properties>\n";
}

std::string JunitReport::suite_tail(const Place& place, const Suite& suite) const {
  std::string xml;
  Printed printed;
  const auto found = records_.outside().find(place.worker);
  if (!place.channel && found != records_.outside().end())
    printed = printed_of(found->second.texts());
  // What came over the channel, and is not of a server.
  if (!printed.details.empty()) printed.out += printed.details;
  printed.err += suite.incidents;
  if (suite.left_out > 0)
    printed.err += fmt::format(
        "subunit-proxy: {} tests are left out here, since the report is "
        "too long; they are counted\n",
        suite.left_out);
  append_element(xml, "system-out", cut(std::move(printed.out), kMaxSuiteText));
  append_element(xml, "system-err", cut(std::move(printed.err), kMaxSuiteText));
  return xml + "</testsuite>\n";
}

std::string_view JunitReport::pending_output() {
  while (!output_.empty() && output_.back().empty()) output_.pop_back();
  return output_.empty() ? std::string_view() : output_.back();
}

void JunitReport::consume_output() {
  if (!output_.empty()) output_.pop_back();
}

}  // namespace subunit::report
