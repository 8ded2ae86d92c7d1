#include "common/adapter/gtest/gtest_reader.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/adapter/gtest/gtest_file.h"

namespace subunit::adapter {
namespace {

/// "%0A" is a line feed.
std::string decoded(std::string_view text) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
  const auto is_hex = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  };
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && is_hex(text[i + 1]) && is_hex(text[i + 2])) {
      plain += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

/// "event=TestEnd&passed=1&elapsed_time=0ms". Names are written as they are, texts are encoded.
std::map<std::string, std::string, std::less<>> fields_of(std::string_view line) {
  std::map<std::string, std::string, std::less<>> fields;
  constexpr std::string_view kName = "&name=";
  const std::size_t name = line.find(kName);
  if (name != std::string_view::npos) {
    fields.emplace("name", line.substr(name + kName.size()));
    line = line.substr(0, name);
  }
  while (!line.empty()) {
    const std::string_view field = line.substr(0, line.find('&'));
    line.remove_prefix(std::min(line.size(), field.size() + 1));
    const std::size_t equals = field.find('=');
    if (equals != std::string_view::npos)
      fields.emplace(field.substr(0, equals), decoded(field.substr(equals + 1)));
  }
  return fields;
}

std::string with_line_feed(std::string text) {
  if (!text.ends_with('\n')) text += '\n';
  return text;
}

}  // namespace

void GtestReader::receive(std::string_view bytes) {
  lines_.add(bytes, [this](std::string_view line) { take(fields_of(line)); });
}

void GtestReader::observe_stdout(std::string_view bytes) {
  output_.add(bytes);
  if (running_) print(output_.more());
}

void GtestReader::take(Fields fields) {
  has_events_ = true;
  const std::string& event = fields["event"];
  if (event == "TestPartResult") return take_part(fields);
  end_last_test();
  if (event == "TestCaseStart") {
    suite_ = fields["name"];
    has_suites_ = true;
    suite_parts_.clear();
  } else if (event == "TestStart") {
    start(suite_ + '.' + fields["name"]);
  } else if (event == "TestEnd" && running_) {
    has_passed_ = fields["passed"] == "1";
    last_ = std::exchange(running_, std::nullopt);
  } else if (event == "TestCaseEnd") {
    if (fields["passed"] == "0") failed_suites_.emplace_back(suite_, suite_parts_);
    suite_.clear();
  } else if (event == "TestProgramEnd") {
    program_has_failed_ = fields["passed"] == "0";
  }
}

void GtestReader::take_part(const Fields& fields) {
  const auto field = [&fields](std::string_view name) {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string() : found->second;
  };
  Part part{.place = {}, .message = field("message")};
  if (const std::string file = field("file"); !file.empty())
    part.place = fmt::format("{}:{}: ", file, field("line"));
  if (running_) {
    if (part.message.empty() && running_->parts.empty()) is_left_out_ = true;
    running_->parts.push_back(std::move(part));
  } else if (!suite_.empty()) {
    suite_parts_.push_back(std::move(part));
  } else {
    outside_.push_back(std::move(part));
    if (environment_.empty())
      environment_ = has_suites_ ? "Environment::TearDown" : "Environment::SetUp";
  }
}

std::string GtestReader::text_of(const Parts& parts) {
  std::string text;
  for (const Part& part : parts) text += with_line_feed(part.place + part.message);
  return text;
}

std::string GtestReader::reason_of(const Parts& parts) {
  std::string text;
  for (const Part& part : parts) text += with_line_feed(part.message);
  if (!text.empty()) text.pop_back();
  return text;
}

void GtestReader::start(const std::string& name) {
  print(output_.begin(name));
  const std::string id = id_of_name(name);
  running_ = Ended{id};
  is_left_out_ = false;
  if (not_started_.erase(id) > 0) emit(TestStarted{id});
  print(output_.more());
}

/// Once something else has happened: what was printed at the end of the test is here now.
void GtestReader::end_last_test() {
  if (!last_) return;
  GtestOutput::Rest rest = output_.end();
  print(std::move(rest.output));
  Ended test = *std::exchange(last_, std::nullopt);
  const Parts& cause = suite_parts_.empty() ? outside_ : suite_parts_;
  if (has_passed_) {
    end(test, Status::kSuccess);
  } else if (is_left_out_ && !cause.empty()) {
    test.parts = cause;
    end(test, Status::kFail);
  } else if (rest.status == Status::kFail) {
    end(test, Status::kFail);
  } else if (rest.status == Status::kSkip) {
    end(test, Status::kSkip);
    called_skipped_.push_back(std::move(test));
  } else {
    undecided_.push_back(std::move(test));
  }
}

void GtestReader::end(const Ended& test, Status status) {
  if (!asked_.contains(test.id)) return;
  // Again: only a failure is news.
  if (!ended_.insert(test.id).second && status != Status::kFail) return;
  std::vector<Attachment> attachments;
  if (status == Status::kFail) {
    suites_with_failures_.insert(test.id.substr(0, test.id.rfind('.')));
    attachments.push_back({"failure", text_of(test.parts)});
  } else if (status == Status::kSkip) {
    attachments.push_back({"reason", reason_of(test.parts)});
  }
  if (not_started_.erase(test.id) > 0) emit(TestStarted{test.id});
  emit(TestEnded{test.id, status, std::move(attachments)});
}

void GtestReader::fail(const std::string& id, std::string text) {
  emit(TestEnded{id, Status::kFail, {{"failure", std::move(text)}}});
}

void GtestReader::print(std::string output) {
  if (!output.empty()) emit(Output{std::move(output)});
}

void GtestReader::end(const Remains& remains) {
  end_last_test();
  print(output_.finish(running_.has_value()));
  end_undecided(remains);
  fail_fixtures();
}

/// The output file has the last word. A program that has crashed has written none.
void GtestReader::end_undecided(const Remains& remains) {
  std::map<std::string, GtestCase, std::less<>> cases;
  if (auto all = parse_gtest_file(remains.file.value_or(""))) {
    for (const GtestCase& each : *all) cases.emplace(id_of_name(each.id), each);
  }
  const auto was_skipped = [&cases](const Ended& test) {
    const auto found = cases.find(test.id);
    return found != cases.end() && found->second.was_skipped;
  };
  for (const Ended& test : undecided_) end(test, was_skipped(test) ? Status::kSkip : Status::kFail);
  for (const Ended& test : called_skipped_) {
    if (cases.contains(test.id) && !was_skipped(test))
      fail(test.id,
           "this test has failed, and has printed that it was skipped\n" + text_of(test.parts));
  }
  for (const std::string& id : std::set(not_started_)) {
    const auto found = cases.find(id);
    if (found != cases.end() && found->second.was_left_out) {
      end({.id = id, .parts = {{{}, "disabled"}}}, Status::kSkip);
    } else if (remains.clean && !outside_.empty()) {
      end({.id = id, .parts = outside_}, Status::kSkip);
    } else if (found != cases.end() && !has_events_) {
      // The program could not connect, and the file alone tells.
      const GtestCase& each = found->second;
      Ended test{.id = id};
      for (const std::string& failure : each.failures) test.parts.push_back({{}, failure});
      end(test, each.was_skipped        ? Status::kSkip
                : each.failures.empty() ? Status::kSuccess
                                        : Status::kFail);
    }
  }
}

void GtestReader::fail_fixtures() {
  for (const auto& [suite, parts] : failed_suites_) {
    if (!suites_with_failures_.contains(suite))
      fail(fmt::format("TearDownTestSuite ({})", suite), text_of(parts));
  }
  if (program_has_failed_ && suites_with_failures_.empty() && failed_suites_.empty())
    fail(environment_.empty() ? "Environment::TearDown" : environment_, text_of(outside_));
}

}  // namespace subunit::adapter
