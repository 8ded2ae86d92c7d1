#include "common/adapter/xml/xml_results.h"

#include <fmt/format.h>

#include <cstdlib>

namespace subunit::adapter {

namespace {

std::string place(const XmlElement& element) {
  if (element["filename"].empty()) return {};
  return fmt::format("{}:{}: ", element["filename"], element["line"]);
}

/// Before a part of an expression, for a person.
std::string_view label(std::string_view name) {
  if (name == "Expanded") return "with the values";
  return name == "Exception" ? "thrown" : "expected";
}

/// 0 if it is none.
double number(std::string_view text) {
  return std::strtod(std::string(text).c_str(), nullptr);
}

bool is_section(const XmlElement& element) {
  return element.name == "SubCase" || element.name == "Section";
}

bool is_statement(const XmlElement& element) {
  return element.name == "Expression" || element.name == "Message";
}

}  // namespace

void XmlResults::receive(std::string_view bytes) {
  if (broken_) return;
  if (const auto read = xml_.receive(bytes); !read) {
    broken_ = true;
    note(fmt::format("what the program reports cannot be read: {}", read.error().text));
  }
}

void XmlResults::skip(const std::string& id, std::string reason) {
  emit(TestStarted{id});
  emit(TestEnded{id, Status::kSkip, {{"reason", std::move(reason)}}});
  asked_.erase(id);
}

void XmlResults::may_leave_out(const std::string& id, std::string reason) {
  may_be_left_out_.emplace(id, std::move(reason));
}

void XmlResults::end(const Remains&) {
  if (!is_whole_ || has_crashed_) return;
  for (auto& [id, reason] : std::exchange(may_be_left_out_, {}))
    if (asked_.contains(id)) skip(id, std::move(reason));
}

void XmlResults::begin_element(const XmlElement& element) {
  if (element.name == "TestCase" && element["skipped"] != "true") {
    begin_test(element);
  } else if (is_section(element)) {
    sections_.emplace_back(trimmed(element["name"]));
  } else if (is_statement(element)) {
    in_expression_ = true;
    details_.clear();
  }
}

void XmlResults::end_element(const XmlElement& element) {
  const std::string& name = element.name;
  const std::string_view text = trimmed(element.text);
  if (name == "Catch") {
    is_whole_ = true;
  } else if (name == "TestCase") {
    end_test();
  } else if (is_section(element)) {
    if (!sections_.empty()) sections_.pop_back();
  } else if (is_statement(element)) {
    in_expression_ = false;
    name == "Message" ? end_message(element) : end_expression(element);
  } else if (name == "Info") {
    contexts_.emplace_back(text);
  } else if (in_expression_) {
    details_.emplace_back(name, text);
  } else if (name == "Failure" || name == "Exception" || name == "FatalErrorCondition") {
    has_crashed_ |= name == "FatalErrorCondition" || element["crash"] == "true";
    fail(fmt::format("{}{}: {}", place(element), name, text));
  } else if (name == "Warning") {
    note(fmt::format("warning: {}", text));
  } else if (name == "StdOut" || name == "StdErr") {
    printed_.push_back({name == "StdOut" ? "stdout" : "stderr", std::string(text) + '\n'});
  } else if (name == "OverallResultsAsserts" && !element["test_case_success"].empty()) {
    success_ = element["test_case_success"] == "true";
    const double timeout = number(timeout_);
    const bool was_late = timeout > 0 && number(element["duration"]) > timeout;
    if (was_late) fail(fmt::format("it took longer than its timeout of {} s", timeout_));
  } else if (name == "OverallResult") {
    success_ = element["success"] == "true";
  }
}

void XmlResults::begin_test(const XmlElement& element) {
  test_ = id_of_(element);
  if (test_ && asked_.erase(*test_) == 0) test_.reset();
  success_.reset();
  is_to_fail_ = element["should_fail"] == "true" ||
                element["tags"].find("[!shouldfail]") != std::string_view::npos;
  timeout_ = element["timeout"];
  failures_ = 0;
  text_.clear();
  printed_.clear();
  sections_.clear();
  contexts_.clear();
  if (test_) emit(TestStarted{*test_});
}

void XmlResults::end_test() {
  if (!test_) {
    others_have_failed_ |= !success_.value_or(false);
    return;
  }
  std::vector<Attachment> attachments = std::exchange(printed_, {});
  if (!text_.empty())
    attachments.push_back({failures_ > 0 ? "failure" : "message", std::exchange(text_, "")});
  emit(TestEnded{*std::exchange(test_, std::nullopt), status(), std::move(attachments)});
}

/// What the framework itself makes of it counts: a failure may be expected, and so may none.
Status XmlResults::status() const {
  if (success_.value_or(false)) return failures_ > 0 ? Status::kExpectedFailure : Status::kSuccess;
  return success_ && failures_ == 0 && is_to_fail_ ? Status::kUnexpectedSuccess : Status::kFail;
}

void XmlResults::end_expression(const XmlElement& element) {
  if (element["success"] == "true") return;
  std::string text = fmt::format("{}{}(", place(element), element["type"]);
  for (const auto& [name, detail] : details_)
    text += name == "Original" ? fmt::format(" {} ) failed", detail)
                               : fmt::format("\n  {}: {}", label(name), detail);
  // Catch2 lists the latter only if it lists all that is well.
  const bool is_harmless = element["type"].starts_with("WARN") || element["type"] == "CHECK_NOFAIL";
  is_harmless ? note(text) : fail(text);
}

void XmlResults::end_message(const XmlElement& element) {
  std::string text = place(element);
  for (const auto& [name, detail] : details_) text += detail;
  element["type"] == "WARNING" ? note(text) : fail(text);
}

void XmlResults::fail(std::string_view text) {
  ++failures_;
  note(text);
}

void XmlResults::note(std::string_view text) {
  if (!sections_.empty()) text_ += fmt::format("in {}:\n", fmt::join(sections_, " / "));
  text_ += text;
  for (const std::string& context : std::exchange(contexts_, {}))
    text_ += fmt::format("\n  logged: {}", context);
  text_ += '\n';
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) + 1 - begin);
}

std::string with_escapes(std::string_view text, std::string_view special) {
  std::string escaped;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

}  // namespace subunit::adapter
